"""Decoding by hardware, as far as PyAV's FFmpeg has it and this machine too."""

from __future__ import annotations

import io
import logging
from functools import cache
from typing import Any

import av
from av.codec.hwaccel import HWAccel, hwdevices_available

from runtime.errors import SourceError
from runtime.support.reasons import reason

log = logging.getLogger(__name__)

#: What `auto` tries, in this order.
_TRIED = ("cuda", "vaapi", "qsv")


def accelerator(decode: str) -> HWAccel | None:
    """What decodes for a container that is opened with it; what it can't, the CPU does.

    Args:
        decode: One of `runtime.sources.config.DECODERS`.

    Returns:
        None for the CPU.

    Raises:
        SourceError: What was asked for isn't here.
    """
    if decode == "cpu":
        return None
    if decode == "auto":
        name = _first_that_works()
        return None if name is None else HWAccel(name, allow_software_fallback=True)
    failure = _failure(decode)
    if failure:
        here = [name for name in hwdevices_available() if not _failure(name)]
        raise SourceError(
            f"--decode {decode}: {failure}; there {'is' if len(here) < 2 else 'are'} "
            f"{', '.join(here) or 'no such hardware'} here, and cpu"
        )
    return HWAccel(decode, allow_software_fallback=True)


@cache
def _first_that_works() -> str | None:
    name = next((name for name in _TRIED if not _failure(name)), None)
    log.info("--decode auto: %s", "no hardware here, so the CPU" if name is None else name)
    return name


@cache
def _failure(name: str) -> str:
    """Why a device can't decode even a small video; empty where it can."""
    if name not in hwdevices_available():
        return "this FFmpeg has no such decoder"
    try:
        with av.open(_small_video(), hwaccel=HWAccel(name, allow_software_fallback=False)) as file:
            next(file.decode(video=0))
    except (av.FFmpegError, OSError, RuntimeError, ValueError, StopIteration) as error:
        return f"it can't be used here ({reason(error)})"
    return ""


def _small_video() -> Any:
    """A picture of H.264, which every such hardware decodes."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream: Any = container.add_stream("libx264", 25)
        stream.width, stream.height, stream.pix_fmt = 256, 256, "yuv420p"
        container.mux(stream.encode(av.VideoFrame(256, 256, "yuv420p")))
        container.mux(stream.encode(None))
    file.seek(0)
    return file
