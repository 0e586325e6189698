"""Puts an artifact and its manifest in place, both or neither."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from runtime.errors import UserError
from runtime.manifest import Manifest, sidecar_path


def write_whole(data: Any, manifest: Manifest, path: Path) -> None:
    """Writes an artifact and its sidecar; an older pair goes only once both are complete.

    Args:
        data: The artifact's bytes, as a buffer.
        manifest: What describes it; the sidecar gains the file's hash.
        path: Where the artifact goes.

    Raises:
        UserError: The folder can't be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(".partial", f"{path.stem}.", path.parent) as folder:
            staged = Path(folder, path.name)
            staged.write_bytes(data)
            sidecar = manifest.save(staged)
            os.replace(staged, path)
            os.replace(sidecar, sidecar_path(path))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from error
