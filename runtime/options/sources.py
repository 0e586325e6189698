"""Settings of single sources: `sources:` in YAML, which flags fill in.

sources:
  - source: rtsps://10.0.0.7/live
    name: door
    tls_ca: house.pem
  - demo
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from runtime.errors import UserError
from runtime.sources.config import SourceConfig
from runtime.support.files.home import at_home
from runtime.support.redaction import printable
from runtime.support.yaml_options import scalar

#: Types of the settings, which are those of `SourceConfig`.
KINDS: dict[str, type] = {
    "source": str,
    "name": str,
    "reconnect_s": float,
    "tls_ca": str,
    "tls_insecure": bool,
    "recursive": bool,
    "rtsp_transport": str,
    "poll_fps": float,
    "camera_size": str,
    "camera_fps": float,
    "camera_format": str,
    "rotate": int,
    "flip": str,
    "zones": str,
    "decode": str,
}


def read_sources(value: Any, where: str) -> tuple[dict[str, Any], ...]:
    """What `sources:` states of each source.

    Args:
        value: As YAML gives it: a list whose items are mappings, or only addresses.
        where: Its place, for errors.

    Returns:
        For each source the settings that are stated, `source` among them.

    Raises:
        UserError: It is no such list, or a setting is unknown or wrong.
    """
    if not isinstance(value, list) or not value:
        raise UserError(f"{where} must be a list with an item for each source")
    return tuple(_read(item, f"{where}[{number}]") for number, item in enumerate(value))


def _read(item: Any, where: str) -> dict[str, Any]:
    stated = {}
    for key, value in (item if isinstance(item, dict) else {"source": item}).items():
        if key not in KINDS:
            shown = repr(key) if isinstance(key, str) else f"of type {type(key).__name__}"
            raise UserError(f"{where}: unknown setting {shown}; there are {', '.join(KINDS)}")
        if value is not None:
            read = scalar(value, KINDS[key], f"{where}: {key}")
            stated[key] = read if key == "name" else at_home(read)
    if not stated.get("source"):
        raise UserError(f"{where}: source is required")
    name = stated.get("name", "-")
    if not name.strip() or printable(name) != name:
        raise UserError(f"{where}: name must be printable text")
    try:
        SourceConfig(**stated)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    return stated


def fill_sources(
    stated: Sequence[Mapping[str, Any]], usual: Sequence[SourceConfig], flags: Collection[str]
) -> tuple[SourceConfig, ...]:
    """The settings of sources: of flags, then of their own, then what is usual.

    Args:
        stated: What is stated of each source.
        usual: What holds for each by the options; its `source` and `name` say nothing.
        flags: Names of the options that were given as flags.
    """
    filled = []
    for own, options in zip(stated, usual, strict=True):
        given = {key: value for key, value in asdict(options).items() if key in flags}
        rest = {**asdict(options), "name": None}
        filled.append(SourceConfig(**{**rest, **own, **given, "source": own["source"]}))
    return tuple(filled)
