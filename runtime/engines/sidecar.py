"""The manifest beside an artifact, with the hash of the artifact's file.

While an artifact is published, its sidecar describes two files by their hashes: the new
one, and under `previous` the one that it takes the place of. So whichever of them stands
there, at whatever step the publishing was cut off, has its manifest.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from runtime.errors import ManifestError
from runtime.manifest import Manifest, file_hash, sidecar_path
from runtime.manifest_fields import MAX_TEXT, parse_object
from runtime.support.files.reading import read_input_file
from runtime.support.files.writing import replacing

#: Key of what describes the artifact that is being replaced.
_PREVIOUS = "previous"


class OtherFileError(ManifestError):
    """A sidecar describes another file than the one that it stands beside."""


def read_sidecar(artifact: Path, sha256: str | None = None) -> Manifest | None:
    """Reads the sidecar of an artifact and checks the artifact's hash.

    Args:
        artifact: The model file.
        sha256: Its hash, where it is known already.

    Returns:
        The manifest, or None when there is no sidecar.

    Raises:
        ManifestError: The sidecar is malformed.
        OtherFileError: It belongs to another file.
    """
    path = sidecar_path(artifact)
    if not os.path.lexists(path):
        return None
    try:
        text = read_input_file(path, MAX_TEXT).decode("utf-8")
    except OSError as error:
        raise ManifestError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ManifestError(f"{path}: the manifest is not UTF-8 text") from error
    data = parse_object(text, str(path))
    previous = data.pop(_PREVIOUS, None)
    manifest = Manifest.from_object(data, str(path))
    if manifest.sha256 is None:
        return manifest
    digest = file_hash(artifact) if sha256 is None else sha256
    if manifest.sha256 == digest:
        return manifest
    if isinstance(previous, Mapping) and previous.get("sha256") == digest:
        # An artifact that had no sidecar is known by its hash alone.
        return None if set(previous) == {"sha256"} else Manifest.from_object(previous, str(path))
    raise OtherFileError(
        f"{path} describes another file than {artifact} (the hash differs); export the model again"
    )


def write_sidecar(
    manifest: Manifest, artifact: Path, sha256: str | None = None, previous: Any = None
) -> Path:
    """Writes the sidecar of an artifact at once, in place of an older one.

    Args:
        manifest: What describes the artifact.
        artifact: Its file.
        sha256: Hash of the file; by default of the one that is there.
        previous: What `describe_present` says of the artifact that is being replaced.

    Returns:
        Path of the sidecar.

    Raises:
        OSError: It can't be written; an older one stays.
    """
    path = sidecar_path(artifact)
    digest = file_hash(artifact) if sha256 is None else sha256
    data = replace(manifest, sha256=digest).to_object()
    if previous is not None:
        data[_PREVIOUS] = previous
    with replacing(path) as partial:
        partial.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    return path


def describe_present(artifact: Path) -> dict[str, Any] | None:
    """What a sidecar says of the artifact that stands there, for `write_sidecar`.

    Returns:
        Its manifest as an object; only its hash where it has no sidecar; None where
        there is no artifact, or where its sidecar isn't its own, so that it is refused already.
    """
    if not os.path.isfile(artifact):
        return None
    digest = file_hash(artifact)
    try:
        manifest = read_sidecar(artifact, digest)
    except ManifestError:
        return None
    if manifest is None:
        return {"sha256": digest}
    return replace(manifest, sha256=digest).to_object()
