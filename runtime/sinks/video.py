"""Annotated video."""

from __future__ import annotations

import subprocess
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.draw import annotate
from runtime.errors import UserError
from runtime.messages import FrameResult
from runtime.outputs import check_writable


class VideoSink:
    """Annotated H.264 video in a fragmented MP4, playable up to the last second if killed.

    FFmpeg (from the package imageio-ffmpeg, or $IMAGEIO_FFMPEG_EXE) encodes in
    its own process. The rate is fixed; frames are repeated or left out so that
    the film's time follows the source's.
    """

    #: Longest gap that is filled with the last frame, in seconds.
    _MAX_GAP_S = 5.0

    def __init__(self, path: Path, fps: float) -> None:
        """Remembers the path; the file is opened by the first result.

        Args:
            path: File to write, `.mp4`.
            fps: Frames per second.
        """
        if path.suffix.lower() not in (".mp4", ".mkv", ".mov"):
            raise UserError(f"--output_video {path}: must end in .mp4, .mkv or .mov")
        check_writable(path, "--output_video")
        self._path = path
        self.name = f"--output_video {path}"
        self._fps = fps
        self._process: subprocess.Popen[bytes] | None = None
        self._size = (0, 0)
        self._start_s = 0.0
        self._written = 0

    def write(self, result: FrameResult) -> None:
        """See `Sink.write`."""
        if self._process is None:
            height, width = result.image.shape[:2]
            self._open(width, height)
            self._start_s = result.time_s
        # Number of frames that the film should hold once this one is in.
        due = round((result.time_s - self._start_s) * self._fps) + 1
        if due - self._written > self._MAX_GAP_S * self._fps or due < self._written - 1:
            self._start_s = result.time_s - self._written / self._fps
            due = self._written + 1
        if due <= self._written:
            return
        picture = _fit(annotate(result), self._size).tobytes()
        process = self._process
        assert process is not None
        assert process.stdin is not None
        try:
            for _ in range(due - self._written):
                process.stdin.write(picture)
        except OSError as error:
            reason = self._stop() or error.strerror
            raise UserError(f"{self.name}: {reason}") from error
        self._written = due

    def close(self) -> None:
        """See `Sink.close`."""
        if self._process is not None:
            reason = self._stop()
            if reason:
                raise UserError(f"{self.name}: {reason}")

    def _open(self, width: int, height: int) -> None:
        from imageio_ffmpeg import get_ffmpeg_exe

        # yuv420p needs even sides.
        self._size = (max(2, width // 2 * 2), max(2, height // 2 * 2))
        command = [
            *(get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-y"),
            *("-f", "rawvideo", "-pix_fmt", "bgr24", "-s", "{}x{}".format(*self._size)),
            *("-r", f"{self._fps:.6g}", "-i", "-", "-an"),
            *("-c:v", "libx264", "-preset", "ultrafast", "-crf", "23", "-pix_fmt", "yuv420p"),
            # One thread: the pipeline's stages need the cores. What is lost if FFmpeg is
            # killed too begins at the last key frame: half a second.
            *("-threads", "1", "-g", str(max(1, round(self._fps / 2)))),
            *("-movflags", "+frag_keyframe+empty_moov+default_base_moof", "-flush_packets", "1"),
            str(self._path.absolute()),
        ]
        try:
            # Its own session: Ctrl-C is ours to handle, and must not cut the film.
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except (OSError, RuntimeError) as error:
            raise UserError(f"{self.name}: FFmpeg can't start ({error})") from error

    def _stop(self) -> str:
        """Ends FFmpeg; returns its last words if it failed."""
        process, self._process = self._process, None
        if process is None:
            return ""
        try:
            _, errors = process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return "FFmpeg did not finish"
        except OSError:  # the pipe broke: it is gone already
            process.kill()
            process.wait()
            errors = b""
        lines = errors.decode(errors="replace").strip().splitlines()
        if process.returncode == 0:
            return ""
        return lines[-1] if lines else f"FFmpeg ended with code {process.returncode}"


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
