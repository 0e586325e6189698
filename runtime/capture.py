"""Where frames come from: camera, video file, stream, pictures, the demo."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

# FFmpeg inside OpenCV reads this when it starts; our own message says what is wrong.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.errors import SourceError

log = logging.getLogger(__name__)

# OpenCV's own log would stand beside our one line on the terminal. The call
# moved in OpenCV 5; 0 is silent in both.
_set_log_level: Any = getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel  # type: ignore[attr-defined]
_set_log_level(0)

PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}

#: Longest wait for a stream to open or to give a frame, in milliseconds.
_STREAM_TIMEOUT_MS = 5000

#: Pictures a second of a folder: so slow that no label carries over to the next.
_FOLDER_FPS = 0.5


class Source(Protocol):
    """A run of frames. One thread reads it."""

    @property
    def name(self) -> str:
        """What it is, for the log; without credentials."""
        ...

    @property
    def live(self) -> bool:
        """True where frames that aren't read in time are lost anyway."""
        ...

    @property
    def fps(self) -> float:
        """Nominal frames per second."""
        ...

    def read(self) -> tuple[NDArray[np.uint8], float, str] | None:
        """The next picture ((H, W, 3) uint8 BGR), its media time in seconds, its file name.

        Returns:
            None at the end.

        Raises:
            SourceError: The source broke.
        """
        ...

    def close(self) -> None:
        """Frees the device or file; a second call does nothing."""
        ...


def open_source(spec: str) -> Source:
    """Opens a source.

    Args:
        spec: `demo`, a camera (`0`, `/dev/video0`), a URL, a video file, a
            picture, or a folder of pictures.

    Raises:
        SourceError: It isn't there or can't be read; the message says which.
    """
    if spec == "demo":
        return DemoSource()
    camera = re.fullmatch(r"(?:/dev/video)?([0-9]{1,4})", spec)
    if camera:
        return CameraSource(int(camera[1]))
    if "://" in spec:
        return _open_url(spec)
    path = Path(spec)
    if path.is_dir():
        return PictureSource(list_pictures(path), spec)
    if not path.exists():
        raise SourceError(f"--source {spec}: no such file or folder (a camera is a number: 0)")
    if path.suffix.lower() in PICTURES:
        return PictureSource([path], spec)
    if path.stat().st_size == 0:
        raise SourceError(f"--source {spec}: the file is empty")
    capture = cv2.VideoCapture(spec, cv2.CAP_FFMPEG)
    if not capture.isOpened():
        raise SourceError(f"--source {spec}: not a video that FFmpeg can read, or cut short")
    return FileSource(capture, spec)


def _open_url(url: str) -> Source:
    """A network stream, or a whole video behind a URL.

    Raises:
        SourceError: It can't be reached, or isn't video.
    """
    name = hide_credentials(url)
    timeouts = [
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
        _STREAM_TIMEOUT_MS,
        cv2.CAP_PROP_READ_TIMEOUT_MSEC,
        _STREAM_TIMEOUT_MS,
    ]
    capture = cv2.VideoCapture(url, cv2.CAP_FFMPEG, timeouts)
    if not capture.isOpened():
        raise SourceError(
            f"--source {name}: the stream can't be reached within "
            f"{_STREAM_TIMEOUT_MS // 1000} s, or isn't video"
        )
    # Only what has an end has a length.
    if capture.get(cv2.CAP_PROP_FRAME_COUNT) > 0:
        return FileSource(capture, name)
    return LiveSource(capture, name)


def list_pictures(folder: Path) -> list[Path]:
    """Pictures of a folder by name.

    Raises:
        SourceError: There is none, or the folder can't be read.
    """
    try:
        files = sorted(p for p in folder.iterdir() if p.is_file() and p.suffix.lower() in PICTURES)
    except OSError as error:
        raise SourceError(f"{folder}: {error.strerror}") from error
    if not files:
        raise SourceError(f"{folder}: no picture in this folder ({', '.join(sorted(PICTURES))})")
    return files


def collect_pictures(paths: Sequence[str | Path]) -> list[Path]:
    """The pictures that paths name: files as they are, folders opened.

    Raises:
        SourceError: A folder has none, or can't be read.
    """
    files: list[Path] = []
    for path in map(Path, paths):
        files += list_pictures(path) if path.is_dir() else [path]
    return files


def read_picture(path: Path) -> NDArray[np.uint8]:
    """A picture file as (H, W, 3) uint8 BGR, turned as its EXIF tag says.

    Grey, 16-bit and transparent pictures are converted.

    Raises:
        SourceError: It is missing, no picture, or too large to decode.
    """
    if not path.is_file():
        raise SourceError(f"{path}: no such file")
    try:
        data = np.fromfile(path, np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except (cv2.error, MemoryError) as error:
        raise SourceError(f"{path}: too large or broken") from error
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
    if image is None:
        raise SourceError(f"{path}: not a picture that OpenCV can read")
    return np.asarray(image, np.uint8)


def hide_credentials(url: str) -> str:
    """A URL without user, password and query, for messages and logs."""
    # In this order: a password may hold a question mark.
    return re.sub(r"(://)[^/]*@", r"\1***@", url).split("?", 1)[0]


class DemoSource:
    """The built-in demo, as a file."""

    name = "demo"
    live = False

    def __init__(self) -> None:
        from runtime.demo import FPS, demo_scenes

        self.fps = FPS
        self._scenes = demo_scenes()
        self._index = 0

    def read(self) -> tuple[NDArray[np.uint8], float, str] | None:
        """See `Source.read`."""
        index = self._index
        self._index += 1
        for scene in self._scenes:
            if index < scene.frames:
                return scene.render(index), (self._index - 1) / self.fps, ""
            index -= scene.frames
        return None

    def close(self) -> None:
        """Holds nothing."""


class PictureSource:
    """Pictures one by one, two seconds each; unreadable ones are skipped with a word."""

    live = False
    fps = _FOLDER_FPS

    def __init__(self, files: list[Path], name: str) -> None:
        self.name = name
        self._files = iter(files)
        self._index = 0

    def read(self) -> tuple[NDArray[np.uint8], float, str] | None:
        """See `Source.read`."""
        for file in self._files:
            try:
                image = read_picture(file)
            except SourceError as error:
                log.warning("skipped: %s", error)
                continue
            self._index += 1
            return image, (self._index - 1) / self.fps, str(file)
        if not self._index:
            raise SourceError(f"{self.name}: none of its pictures can be read")
        return None

    def close(self) -> None:
        """Holds nothing."""


class FileSource:
    """A video with an end; says so when it ends early."""

    live = False

    def __init__(self, capture: cv2.VideoCapture, name: str) -> None:
        self._capture = capture
        self.name = name
        fps = capture.get(cv2.CAP_PROP_FPS)
        self.fps = fps if 1 <= fps <= 1000 else 25.0
        self._expected = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self._index = 0
        self._time_s = 0.0

    def read(self) -> tuple[NDArray[np.uint8], float, str] | None:
        """See `Source.read`."""
        good, image = self._capture.read()
        if not good:
            if not self._index:
                raise SourceError(f"--source {self.name}: no frame in it can be decoded")
            # Containers' own counts may be off by a frame or two.
            if self._index < self._expected - 2:
                log.warning(
                    "%s ended after %d of %d frames: cut short?",
                    self.name,
                    self._index,
                    self._expected,
                )
            return None
        stamp = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1e3
        floor = self._time_s + 0.5 / self.fps
        # Some containers have no times, or times that jump back.
        if self._index and not floor <= stamp <= self._time_s + 10:
            stamp = self._time_s + 1 / self.fps
        elif not self._index:
            stamp = max(stamp, 0.0)
        self._time_s = stamp
        self._index += 1
        return np.asarray(image, np.uint8), stamp, ""

    def close(self) -> None:
        """Frees the decoder."""
        self._capture.release()


class LiveSource:
    """A camera or stream: media time is the time since it opened."""

    live = True

    def __init__(self, capture: cv2.VideoCapture, name: str) -> None:
        self._capture = capture
        self.name = name
        fps = capture.get(cv2.CAP_PROP_FPS)
        self.fps = fps if 1 <= fps <= 240 else 30.0
        self._start = time.monotonic()

    def read(self) -> tuple[NDArray[np.uint8], float, str] | None:
        """See `Source.read`."""
        good, image = self._capture.read()
        if not good:
            raise SourceError(f"--source {self.name}: gives no more frames")
        return np.asarray(image, np.uint8), time.monotonic() - self._start, ""

    def close(self) -> None:
        """Frees the device or connection."""
        self._capture.release()


class CameraSource(LiveSource):
    """A camera by number."""

    def __init__(self, number: int) -> None:
        capture = cv2.VideoCapture(number)
        if not capture.isOpened():
            found = sorted(p.name for p in Path("/dev").glob("video*"))
            hint = f"found /dev/{', /dev/'.join(found)}" if found else "no /dev/video* here"
            raise SourceError(f"camera {number} can't be opened ({hint}); try --source demo")
        # Old frames in the driver's queue would be lag.
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        super().__init__(capture, f"camera {number}")
