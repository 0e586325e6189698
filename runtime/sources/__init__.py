"""Where frames come from: camera, video file, stream, pictures, the demo.

`base` says what a source is; `pictures`, `files`, `live` (cameras and streams,
which come back after a loss), `gstreamer` and `demo` are the kinds of them;
`backend` holds OpenCV's readers of video, and `group` lets one of several fail.
"""

from __future__ import annotations

import math
from pathlib import Path

from runtime.errors import SourceError
from runtime.sources.base import Interruptible, Source, hide_credentials
from runtime.sources.demo import DemoSource
from runtime.sources.files import FileSource, open_file
from runtime.sources.gstreamer import is_gstreamer, open_gstreamer
from runtime.sources.live import LiveSource, camera_of, open_camera, open_stream
from runtime.sources.pictures import (
    PICTURES,
    PictureSource,
    collect_pictures,
    list_pictures,
    read_picture,
)

__all__ = [
    "PICTURES",
    "DemoSource",
    "FileSource",
    "Interruptible",
    "LiveSource",
    "PictureSource",
    "Source",
    "collect_pictures",
    "hide_credentials",
    "list_pictures",
    "open_source",
    "read_picture",
]


def open_source(spec: str, reconnect_s: float = math.inf) -> Source:
    """Opens a source.

    Args:
        spec: `demo`, a camera (`0`, `/dev/video0`, `csi://0`), a URL, a
            GStreamer pipeline (`gst:... ! appsink`), a video file, a picture,
            or a folder of pictures.
        reconnect_s: How long a camera or stream that is lost later is tried
            again, in seconds: 0 for not at all, infinity for ever.

    Raises:
        SourceError: It isn't there or can't be read; the message says which.
    """
    if spec == "demo":
        return DemoSource()
    if is_gstreamer(spec):
        return open_gstreamer(spec, reconnect_s)
    camera = camera_of(spec)
    if camera is not None:
        return open_camera(camera, reconnect_s)
    if "://" in spec:
        return open_stream(spec, reconnect_s)
    path = Path(spec)
    if path.is_dir():
        return PictureSource(list_pictures(path), spec)
    if not path.exists():
        raise SourceError(f"--source {spec}: no such file or folder (a camera is a number: 0)")
    if path.suffix.lower() in PICTURES:
        return PictureSource([path], spec)
    return open_file(path, spec)
