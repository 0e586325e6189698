"""GStreamer pipelines as sources, and a Jetson's CSI cameras through them."""

from __future__ import annotations

import os
import platform
import re
from urllib.parse import parse_qsl

import cv2

from runtime.errors import SourceError, Unreachable
from runtime.sources.config import SourceConfig
from runtime.sources.decoders.base import Capture
from runtime.sources.decoders.opencv import has_gstreamer, limits_gstreamer, open_capture
from runtime.sources.files import FileSource
from runtime.sources.reconnecting import ReconnectingSource
from runtime.support.redaction import redact, shown_address

_PREFIX = "gst:"
_CSI = "csi://"

#: Words in the names of elements that are or hold outputs, and of properties that make
#: an element record or send.
_OUTPUTS = (
    r"(?i)sink|tee$|selector$|webrtc|whip|playbin|camerabin|broker|publish|query|client|record"
    r"|smart-rec"
)

#: A quoted part of a pipeline.
_QUOTED = r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'"

#: What a CSI camera is asked for; `flip` is nvvidconv's flip-method.
_CSI_DEFAULTS = {"width": 1280, "height": 720, "fps": 30, "flip": 0}


def is_gstreamer(spec: str) -> bool:
    """Whether a source's name is for GStreamer: `gst:...`, `csi://0`, or elements joined by `!`.

    A file that has ` ! ` in its name is a file.
    """
    # os.path: a long pipeline is no path, and pathlib raises where that is too long a name.
    return spec.startswith((_PREFIX, _CSI)) or (" ! " in spec and not os.path.exists(spec))


def open_gstreamer(spec: str, config: SourceConfig) -> FileSource | ReconnectingSource:
    """Opens a GStreamer pipeline that ends in an appsink, or a CSI camera.

    Args:
        spec: `gst:ELEMENT ! ... ! appsink`, the same without `gst:`, or
            `csi://N?width=W&height=H&fps=F&flip=M`, of which N is the sensor's number.
        config: Its settings.

    Raises:
        SourceError: It is malformed, this OpenCV has no GStreamer, or this is no Jetson.
        Unreachable: It can't be started.
    """
    if spec.startswith(_CSI):
        name, pipeline = shown_address(spec), csi_pipeline(spec, config)
    else:
        pipeline = spec.removeprefix(_PREFIX).strip()
        name = _PREFIX + shown_address(pipeline)
        if not re.search(r"(?:^|!)\s*appsink\b[^!]*$", pipeline):
            raise SourceError(f"--source {name}: must end in ' ! appsink'")
    if not has_gstreamer():
        raise SourceError(
            f"--source {name}: this OpenCV has no GStreamer; pip's never has, so use the "
            "Jetson's own or the system's (python3-opencv), and install this project beside "
            "it with pip install --no-deps"
        )

    if spec.startswith(_CSI) and platform.machine() != "aarch64":
        # Without its element an OpenCV before 4.8 would wait for ever.
        raise SourceError(f"--source {name}: CSI cameras are read on a Jetson only")

    def connect() -> Capture | None:
        return open_capture(pipeline, cv2.CAP_GSTREAMER, limited=limits_gstreamer())

    capture = connect()
    if capture is None:
        raise Unreachable(
            f"--source {name}: GStreamer can't start it; GST_DEBUG=3 in the environment tells why"
        )
    # Only what has an end has a length.
    if capture.frames:
        return FileSource(capture, name)
    return ReconnectingSource(capture, name, connect, config.reconnect_s)


def named_files(spec: str) -> list[str]:
    """The files that a GStreamer pipeline names, for who mustn't write over them."""
    if not is_gstreamer(spec):
        return []
    values = re.findall(rf"(?:location|uri) *= *({_QUOTED}|[^\s\"']+)", spec)
    return [re.sub(r"\\(.)", r"\1", value.strip("\"'")) for value in values]


def check_only_output(spec: str) -> None:
    """Refuses a GStreamer pipeline that may show its frames elsewhere than in its appsink.

    Takes nothing but one plain chain of elements, their properties and formats:
    no branches, no bins, no references by name, no element that is or holds an
    output of its own. Other sources pass.

    Raises:
        SourceError: It is no such chain.
    """
    if not is_gstreamer(spec) or spec.startswith(_CSI):
        return
    spec = " ".join(spec.removeprefix(_PREFIX).split())
    # Without what is quoted each ! is a link and each space a border.
    plain = re.sub(_QUOTED, lambda found: "%/%" if "/" in found[0] else "%", spec)
    *before, last = (part.split() for part in re.sub(r" ?([=,;]) ?", r"\1", plain).split("!"))
    wrong = next((" ".join(part) for part in before if not _passes_on(part)), None)
    if wrong is None and (last[:1] != ["appsink"] or not all(map(_is_property, last[1:]))):
        wrong = " ".join(last)
    if wrong is not None:
        raise SourceError(
            f"--source {_PREFIX}{redact(spec)}: with "
            "--anonymize it must be a single chain of elements that ends in its only output, "
            f"appsink: uncovered frames might leave it at {redact(wrong)!r}"
        )


def _passes_on(words: list[str]) -> bool:
    """Whether a link of a chain is a format, or an element that only hands frames on."""
    if len(words) == 1 and re.fullmatch(r"\w+/[\w.+-]+[^\s\"']*|%/%", words[0], re.ASCII):
        return True
    return bool(
        words
        and re.fullmatch(r"[A-Za-z][\w-]*", words[0], re.ASCII)
        and not re.search(_OUTPUTS, words[0])
        and all(map(_is_property, words[1:]))
    )


def _is_property(word: str) -> bool:
    """Whether a word sets a property, and none that names or records an output."""
    found = re.fullmatch(r"([A-Za-z][\w-]*)=[^\s\"']*", word, re.ASCII)
    return found is not None and not re.search(_OUTPUTS, found[1])


def csi_pipeline(spec: str, config: SourceConfig | None = None) -> str:
    """The GStreamer pipeline of a Jetson's CSI camera.

    Args:
        spec: `csi://N`, with `width`, `height`, `fps` and `flip` after a `?` where wanted.
        config: Its `camera_size` and `camera_fps`, which what stands in `spec` goes before.

    Raises:
        SourceError: A part of it is no whole number, or has another name.
    """
    address, _, query = spec.removeprefix(_CSI).partition("?")
    given = dict(parse_qsl(query, keep_blank_values=True))
    unknown = sorted(given.keys() - _CSI_DEFAULTS.keys())
    numbers = [address or "0", *given.values()]
    if unknown or not all(re.fullmatch("[0-9]{1,5}", n, re.ASCII) for n in numbers):
        raise SourceError(
            f"--source {shown_address(spec)}: write csi://0, where wanted with "
            "?width=1280&height=720&fps=30&flip=0 behind it, in whole numbers"
        )
    asked = {}
    if config is not None and config.size is not None:
        asked = dict(zip(("width", "height"), config.size, strict=True))
    if config is not None and config.camera_fps is not None:
        asked["fps"] = round(config.camera_fps)
    ask = {**_CSI_DEFAULTS, **asked, **{name: int(text) for name, text in given.items()}}
    return (
        f"nvarguscamerasrc sensor-id={int(address or 0)} "
        f"! video/x-raw(memory:NVMM),width={ask['width']},height={ask['height']},"
        f"framerate={ask['fps']}/1 "
        f"! nvvidconv flip-method={ask['flip']} ! video/x-raw,format=BGRx "
        # Only the newest frame: an older one would be lag.
        "! videoconvert ! video/x-raw,format=BGR ! appsink drop=true max-buffers=1 sync=false"
    )
