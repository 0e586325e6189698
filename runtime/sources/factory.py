"""Opens a source by its name: camera, video file, stream, pictures, the demo.

`base` says what a source is; `pictures`, `files`, `camera`, `network`, `gstreamer` and
`demo` are the kinds of them. `reconnecting` brings cameras and streams back after a loss,
`deferred` waits for those that aren't there yet, `group` lets one of several fail, and
`decoders` turns bytes into frames.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from runtime.errors import SourceError
from runtime.sources.base import Source, turned
from runtime.sources.camera import camera_of, open_camera
from runtime.sources.config import SourceConfig
from runtime.sources.demo import DemoSource
from runtime.sources.files import open_file
from runtime.sources.gstreamer import is_gstreamer, open_gstreamer
from runtime.sources.network import open_stream
from runtime.support.files.home import at_home
from runtime.support.files.inputs import local_path
from runtime.support.redaction import printable, shown_address

log = logging.getLogger(__name__)


def open_source(source: str | Path | SourceConfig, **settings: Any) -> Source:
    """Opens a source.

    Args:
        source: `demo`, a camera (`0`, `/dev/video0`, `csi://0`), a URL, a
            GStreamer pipeline (`gst:... ! appsink`), a video file, a picture,
            or a folder of pictures; or one of these with its settings.
        settings: Those of `SourceConfig`, where that isn't given.

    Raises:
        SourceError: It isn't there or can't be read; the message says which.
    """
    config = source if isinstance(source, SourceConfig) else SourceConfig(source, **settings)
    given = at_home(config.source)
    path = given if isinstance(given, Path) else local_path(str(given))
    opened = turned(_open(str(given), path, config), config.rotate, config.flip)
    if config.name is not None:
        opened.name = config.shown_name  # type: ignore[misc]  # what we open can be renamed
    return opened


def _open(spec: str, path: Path | None, config: SourceConfig) -> Source:
    _tell_unused(spec, config)
    if spec == "demo":
        return DemoSource()
    if is_gstreamer(spec):
        return open_gstreamer(spec, config)
    camera = camera_of(spec)
    if camera is not None:
        return open_camera(camera, config)
    if path is None:
        return open_stream(spec, config)
    name = printable(spec)
    # os.path: pathlib raises where a name is too long.
    if not os.path.exists(path):
        # It may be a mistyped URL.
        shown = shown_address(spec)
        raise SourceError(f"--source {shown}: no such file or folder (a camera is a number: 0)")
    from runtime.sources.pictures import open_pictures  # videos and streams need none of it

    return open_pictures(path, name, config.recursive) or open_file(path, name, config.decode)


def _tell_unused(spec: str, config: SourceConfig) -> None:
    """Says which settings of a source say nothing: a flag holds for sources of any kind."""
    is_csi = spec.startswith("csi://")
    is_camera = is_csi or (not is_gstreamer(spec) and camera_of(spec) is not None)
    unused = [
        name
        for name, suits in (
            ("camera_size", is_camera),
            ("camera_fps", is_camera),
            ("camera_format", is_camera and not is_csi),
        )
        if getattr(config, name) is not None and not suits
    ]
    if config.rtsp_transport != "auto" and not spec.lower().startswith(("rtsp://", "rtsps://")):
        unused.append("rtsp_transport")
    if config.poll_fps != SourceConfig("").poll_fps and not spec.lower().startswith("http"):
        unused.append("poll_fps")
    if unused:
        log.warning(
            "%s: not used for this kind of source: %s", shown_address(spec), ", ".join(unused)
        )
