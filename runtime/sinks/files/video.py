"""Annotated video."""

from __future__ import annotations

import os
import stat
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.video.frame import PictureType
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from runtime.errors import UserError
from runtime.messages import FrameResult
from runtime.support.files.writing import PRIVATE, check_writable, create
from runtime.vision.draw import annotate

#: Container by suffix.
_FORMATS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska"}

#: Ticks of a second in the video's time; MPEG's own.
_TICKS = 90_000

#: Longest time between two key frames in seconds: what is lost with the process.
_KEY_S = 0.5


class VideoSink:
    """Annotated H.264 video in a fragmented MP4, playable up to the last second if killed.

    Each frame is shown for as long as the source showed it.
    """

    def __init__(self, path: Path, fps: float, mode: int = PRIVATE) -> None:
        """Remembers the path; the file is opened by the first result.

        Args:
            path: File to write, `.mp4`.
            fps: Usual frames per second, for where times don't go on.
            mode: Permissions of the file.

        Raises:
            UserError: The file can't be written.
        """
        if path.suffix.lower() not in _FORMATS:
            raise UserError(f"--output_video {path}: must end in .mp4, .mkv or .mov")
        check_writable(path, "--output_video")
        self._path, self._mode = path, mode
        self.name = f"--output_video {path}"
        self._fps = fps
        self._file: _File | None = None
        self._container: Any = None
        self._stream: Any = None
        self._reformatter = VideoReformatter()
        self._size = (0, 0)
        self._offset_s = 0.0
        self._last_pts = -1
        self._key_pts = -_TICKS

    def write(self, result: FrameResult) -> None:
        """See `Sink.write`."""
        try:
            if self._container is None:
                height, width = result.image.shape[:2]
                self._open(width, height)
                self._offset_s = -result.time_s
            frame = av.VideoFrame.from_ndarray(_fit(annotate(result), self._size), format="bgr24")
            frame = self._reformatter.reformat(frame, format="yuv420p", threads=1)
            frame.pts, frame.time_base = self._next_pts(result.time_s), Fraction(1, _TICKS)
            if frame.pts - self._key_pts >= _KEY_S * _TICKS:
                frame.pict_type, self._key_pts = PictureType.I, frame.pts
            self._container.mux(self._stream.encode(frame))
        except (av.FFmpegError, OSError, ValueError) as error:
            self._abandon()
            raise UserError(f"{self.name}: {_failure(error)}") from error

    def close(self) -> None:
        """See `Sink.close`."""
        if self._container is None:
            return
        try:
            self._container.mux(self._stream.encode(None))
            self._container.close()
        except (av.FFmpegError, OSError, ValueError) as error:
            raise UserError(f"{self.name}: {_failure(error)}") from error
        finally:
            self._abandon()

    def _next_pts(self, time_s: float) -> int:
        """The frame's time in ticks; goes on by a usual step where the source's goes back."""
        pts = round((time_s + self._offset_s) * _TICKS)
        if pts <= self._last_pts:
            pts = self._last_pts + max(1, round(_TICKS / self._fps))
            self._offset_s = pts / _TICKS - time_s
        self._last_pts = pts
        return pts

    def _open(self, width: int, height: int) -> None:
        # yuv420p needs even sides.
        self._size = (max(2, width // 2 * 2), max(2, height // 2 * 2))
        self._file = _File(create(self._path, self._mode))
        self._container = av.open(
            self._file,
            "w",
            format=_FORMATS[self._path.suffix.lower()],
            options={
                "movflags": "frag_keyframe+empty_moov+default_base_moof",
                "flush_packets": "1",
            },
        )
        stream = self._container.add_stream(
            "libx264", rate=Fraction(self._fps).limit_denominator(1001)
        )
        stream.width, stream.height = self._size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, _TICKS)
        # One thread: the pipeline's stages need the cores.
        stream.codec_context.thread_count = 1
        stream.options = {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "crf": "23",
            "forced-idr": "1",
        }
        self._stream = stream

    def _abandon(self) -> None:
        """Closes the file as it is; what was written stays."""
        file, self._file = self._file, None
        self._container = self._stream = None
        if file is not None:
            file.close()


class _File:
    """A descriptor for PyAV, which takes a short write for a whole one."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._regular = stat.S_ISREG(os.fstat(fd).st_mode)

    def write(self, data: bytes) -> int:
        left = memoryview(data)
        while left:
            left = left[os.write(self._fd, left) :]
        return len(data)

    def seekable(self) -> bool:
        return self._regular

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return os.lseek(self._fd, offset, whence)

    def tell(self) -> int:
        return os.lseek(self._fd, 0, os.SEEK_CUR)

    def close(self) -> None:
        os.close(self._fd)


def _failure(error: BaseException) -> str:
    return getattr(error, "strerror", None) or "can't be encoded"


def _fit(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The picture at (width, height): cut by a pixel, or scaled with black bars."""
    width, height = size
    h, w = image.shape[:2]
    if 0 <= w - width <= 1 and 0 <= h - height <= 1:
        return np.ascontiguousarray(image[:height, :width])
    scale = min(width / w, height / h)
    small = cv2.resize(image, (max(1, round(w * scale)), max(1, round(h * scale))))
    canvas = np.zeros((height, width, 3), np.uint8)
    y, x = (height - small.shape[0]) // 2, (width - small.shape[1]) // 2
    canvas[y : y + small.shape[0], x : x + small.shape[1]] = small
    return canvas
