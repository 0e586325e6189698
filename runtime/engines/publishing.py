"""Puts an artifact and its manifest in place; whoever opens it finds the old or the new one.

Two files can't be renamed at once, and a process may be killed between any two steps. So
the sidecar first describes both the new file and the one that still stands there, then the
file is replaced, and then the sidecar forgets the old one.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from runtime.engines.sidecar import describe_present, write_sidecar
from runtime.errors import UserError
from runtime.manifest import Manifest, sidecar_path
from runtime.support.files.writing import replacing


def publish(data: Any, manifest: Manifest, path: Path) -> None:
    """Writes an artifact and its sidecar in place of an older pair.

    Args:
        data: The artifact's bytes, as a buffer.
        manifest: What describes it; the sidecar gains the file's hash.
        path: Where the artifact goes.

    Raises:
        UserError: The folder can't be written to; an older pair is as usable as before.
    """
    content = memoryview(data)
    digest = hashlib.sha256(content).hexdigest()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path.parent) as sync:
            previous = describe_present(path)
            try:
                with replacing(path) as partial:
                    partial.write_bytes(content)
                    write_sidecar(manifest, path, digest, previous)
                    sync()
            except BaseException:
                if not os.path.lexists(path):
                    sidecar_path(path).unlink(missing_ok=True)
                raise
            sync()
            if previous is not None:
                write_sidecar(manifest, path, digest)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from error


@contextmanager
def _alone(folder: Path) -> Iterator[Any]:
    """Keeps other processes from publishing into a folder meanwhile.

    Yields:
        What brings the names in it to the disk, in their order.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def sync() -> None:
        with suppress(OSError):  # some file systems have none for folders
            os.fsync(descriptor)

    try:
        with suppress(OSError):  # nor locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield sync
    finally:
        os.close(descriptor)
