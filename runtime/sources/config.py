"""What holds for a single source; loads nothing heavy."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.errors import SourceError, UserError
from runtime.support.files.home import at_home
from runtime.support.net.tls import Tls
from runtime.support.ranges import within
from runtime.support.redaction import shown_address

if TYPE_CHECKING:
    from runtime.sources.base import Source
    from runtime.vision.zones import Zones


#: What some settings may be.
TRANSPORTS = ("auto", "tcp", "udp")
ROTATIONS = (0, 90, 180, 270)
FLIPS = ("horizontal", "vertical")
DECODERS = ("cpu", "auto", "cuda", "vaapi", "qsv", "amf", "drm")

_FOURCC = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ]{3}", re.ASCII)

#: Largest side of a camera's picture in pixels.
_MOST_PIXELS = 16_384


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """One source and what holds for it alone; `sources:` in YAML has the same keys.

    Attributes:
        source: What `open_source` takes, a camera's number, or a source of the caller's own.
        name: What it is called in logs, results and metrics; None for its address
            without credentials.
        reconnect_s: How long a camera or stream that is lost is tried again, in
            seconds: 0 for not at all, infinity for ever.
        tls_ca: PEM file of the authorities that its server must be certified by;
            None for the system's.
        tls_insecure: Trust any certificate of its server.
        recursive: Read the folders in a folder of pictures too.
        rtsp_transport: How an RTSP server sends pictures: `tcp`, `udp`, or `auto`, which
            tries TCP first.
        poll_fps: How often a camera that gives single pictures over HTTP is asked, a
            second.
        camera_size: Width and height to ask a camera for, in pixels, as `1280x720` or two
            numbers; None for its own.
        camera_fps: Frames a second to ask a camera for; None for its own.
        camera_format: Pixel format to ask a camera for, a FOURCC such as `MJPG`; None for
            OpenCV's choice.
        rotate: Degrees by which its pictures are turned clockwise: 0, 90, 180 or 270.
        decode: What decodes its video: `cpu`, hardware by FFmpeg's name for it (`cuda`,
            `vaapi` ...), or `auto` for hardware where it works.
        zones: File of the zones whose faces count (`runtime.vision.zones`), or the zones.
        flip: `horizontal` (left and right change places) or `vertical`, after the
            turning; None for neither.
    """

    source: str | Path | Source
    name: str | None = None
    reconnect_s: float = math.inf
    tls_ca: str | None = None
    tls_insecure: bool = False
    recursive: bool = False
    rtsp_transport: str = "auto"
    poll_fps: float = 1.0
    camera_size: str | tuple[int, int] | None = None
    camera_fps: float | None = None
    camera_format: str | None = None
    rotate: int = 0
    flip: str | None = None
    zones: str | Path | Zones | None = None
    decode: str = "cpu"

    def __post_init__(self) -> None:
        object.__setattr__(self, "source", check_source(self.source))
        within("reconnect_s", self.reconnect_s, 0)
        within("poll_fps", self.poll_fps, 0.01, 60)
        within("camera_fps", self.camera_fps, 1, 1000)
        _one_of("rtsp_transport", self.rtsp_transport, TRANSPORTS)
        _one_of("rotate", self.rotate, ROTATIONS)
        _one_of("decode", self.decode, DECODERS)
        if self.flip is not None:
            _one_of("flip", self.flip, FLIPS)
        if self.camera_size is not None:
            _size_of(self.camera_size)
        if self.camera_format is not None and not _FOURCC.fullmatch(str(self.camera_format)):
            raise UserError(
                f"camera_format must be four characters such as MJPG or YUYV, not "
                f"{self.camera_format!r}"
            )
        scheme = str(self.source).partition("://")[0].lower()
        if self.rtsp_transport == "udp" and scheme == "rtsps":
            raise UserError("rtsp_transport must be tcp or auto for rtsps: UDP is not encrypted")

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height to ask a camera for."""
        return None if self.camera_size is None else _size_of(self.camera_size)

    @property
    def shown_name(self) -> str:
        """What it is called, without the secrets of an address."""
        if not self.name:
            return shown_address(str(self.source))
        return shown_address(self.name) if "://" in self.name else self.name

    @property
    def tls(self) -> Tls:
        """Whom its connection trusts."""
        return Tls(at_home(self.tls_ca), self.tls_insecure)


def is_source(value: object) -> bool:
    """Whether a value stands for one source: an address, a camera's number, a Source."""
    if isinstance(value, Integral):
        return not isinstance(value, bool)
    return isinstance(value, (str, bytes, os.PathLike)) or callable(getattr(value, "read", None))


def check_source(value: Any) -> Any:
    """A source as `str`, `Path` or the caller's own.

    Raises:
        TypeError: It is none.
        SourceError: It is no camera's number.
    """
    if not is_source(value):
        shown = "None" if value is None else f"a {type(value).__name__}"
        raise TypeError(
            f"a source must be a camera's number, an address, a path or a Source, not {shown}"
        )
    if isinstance(value, Integral):
        if value < 0:  # type: ignore[operator]  # whole numbers compare
            raise SourceError(f"camera {value}: cameras are numbered from 0")
        return str(int(value))
    if isinstance(value, bytes):
        return os.fsdecode(value)
    if isinstance(value, os.PathLike) and not isinstance(value, Path):
        return Path(os.fsdecode(value))
    return value


def _one_of(name: str, value: Any, choices: Collection[Any]) -> None:
    """Refuses what is none of the choices."""
    if isinstance(value, bool) or value not in choices:
        raise UserError(f"{name} must be {', '.join(map(str, choices))}, not {value}")


def _size_of(size: str | tuple[int, int]) -> tuple[int, int]:
    text = size if isinstance(size, str) else "x".join(map(str, size))
    found = re.fullmatch(r"([0-9]{1,5})[xX*]([0-9]{1,5})", text.strip(), re.ASCII)
    width, height = (int(found[1]), int(found[2])) if found else (0, 0)
    if not (0 < width <= _MOST_PIXELS and 0 < height <= _MOST_PIXELS):
        raise UserError(f"camera_size must be WIDTHxHEIGHT such as 1280x720, not {text}")
    return width, height
