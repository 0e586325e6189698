"""One video file while it is written."""

from __future__ import annotations

import errno
import logging
import os
import stat
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np
from av.video.frame import PictureType
from av.video.reformatter import (
    ColorPrimaries,
    ColorRange,
    Colorspace,
    ColorTrc,
    Interpolation,
    VideoReformatter,
)
from numpy.typing import NDArray

from runtime.sinks.files.sound_track import SoundTrack
from runtime.support.files.writing import write_all
from runtime.vision.picture import HD_LINES

if TYPE_CHECKING:
    from runtime.sinks.files.sound import Sound

log = logging.getLogger(__name__)

#: Container by suffix.
FORMATS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska"}

#: Ticks of a second in the video's time; MPEG's own.
_TICKS = 90_000

#: Rounded exactly, by a PyAV that knows of it: 17, for Python 3.10, doesn't.
_EXACT = Interpolation.BILINEAR | getattr(Interpolation, "ACCURATE_RND", 0)

#: Longest time between two key frames in seconds: what is lost with the process.
_KEY_S = 0.5

#: Longest time that a frame is shown, in seconds: an MP4 holds no longer one, and a camera
#: may well be away for a night.
_LONGEST_S = 6 * 3600

#: Of a file that is playable at any time: each part goes to the disk as it is complete,
#: and waits for nothing that may never come.
_MP4 = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "flush_packets": "1"}
_MATROSKA = {"cluster_time_limit": "500", "flush_packets": "1"}
_MUX = {"max_interleave_delta": "200000"}

#: What comes of a disk, whoever was writing.
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


class VideoFile:
    """H.264 and, where there is any, sound; playable up to the last second if killed.

    Each frame is shown until the next one. The video's own time begins at 0 with a key frame.
    """

    def __init__(
        self,
        fd: int,
        suffix: str,
        size: tuple[int, int],
        fps: float,
        start_s: float,
        sound: Sound | None = None,
    ) -> None:
        """Takes over the file.

        Args:
            fd: Descriptor of a new file, open for writing; closed by `close`.
            suffix: One of `FORMATS`.
            size: Width and height of the first picture.
            fps: Usual frames per second, for where times don't go on.
            start_s: Media time of the first frame.
            sound: The source's, of which the video takes its part; None for none.

        Raises:
            av.FFmpegError: The encoder can't be opened.
            OSError: The file can't be written.
        """
        # yuv420p needs even sides.
        self._size = (max(2, size[0] // 2 * 2), max(2, size[1] // 2 * 2))
        self._format, self._fps = FORMATS[suffix], fps
        self._start_s, self._offset_s = start_s, -start_s
        self._last_pts, self._key_pts = -1, -_TICKS
        self._reformatter = VideoReformatter()
        self._hd = self._size[1] >= HD_LINES
        self._container: Any = None
        self._stream: Any = None
        self._held: Any = None  # the last packet: its duration is known with the next frame
        self._track: SoundTrack | None = None
        self._file = _File(fd)
        try:
            self._open(sound)
        except BaseException:
            self.abandon()
            raise

    @property
    def sound(self) -> str | None:
        """What is done to the sound; None where there is none."""
        return None if self._track is None else self._track.what

    def add(self, image: NDArray[np.uint8], time_s: float) -> None:
        """Writes a frame.

        Args:
            image: (H, W, 3) uint8 BGR of any size.
            time_s: Its media time.

        Raises:
            av.FFmpegError, OSError, ValueError: It can't be encoded or written.
        """
        frame = self._coded(_fit(image, self._size))
        frame.pts, frame.time_base = self._next_pts(time_s), Fraction(1, _TICKS)
        if frame.pts - self._key_pts >= _KEY_S * _TICKS:
            frame.pict_type, self._key_pts = PictureType.I, frame.pts
        for packet in self._stream.encode(frame):
            self._hold(packet)

    def close(self, end_s: float | None = None) -> None:
        """Finishes the file; the last frame is shown until its end.

        Args:
            end_s: Media time of the end; None where it is unknown, for the usual step.

        Raises:
            av.FFmpegError, OSError: It can't be written.
        """
        try:
            for packet in self._stream.encode(None):
                self._hold(packet)
            end_pts = self._last_pts + self._step
            if end_s is not None and end_s + self._offset_s > self._last_pts / _TICKS:
                end_pts = round((end_s + self._offset_s) * _TICKS)
                end_pts = min(end_pts, self._last_pts + _LONGEST_S * _TICKS)
            self._release(end_pts, last=True)
            self._container.close()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Closes the file as it is; what was written stays."""
        self._container = self._stream = self._track = self._held = None
        self._file.close()

    def _coded(self, image: NDArray[np.uint8]) -> Any:
        """The picture in the colours that the video is tagged with, to within a level or two."""
        if not self._hd:
            # OpenCV has BT.601 alone, in a third of the time.
            planes = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), np.uint8)
            return av.VideoFrame.from_ndarray(planes, format="yuv420p")
        return self._reformatter.reformat(
            av.VideoFrame.from_ndarray(image, format="bgr24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            interpolation=_EXACT,
            threads=1,
        )

    @property
    def _step(self) -> int:
        return max(1, round(_TICKS / self._fps))

    def _next_pts(self, time_s: float) -> int:
        """The frame's time in ticks; goes on by a usual step where the source's goes back.

        Nor does it go ahead by more than a frame can be shown.
        """
        pts = round((time_s + self._offset_s) * _TICKS)
        longest = max(self._last_pts, 0) + _LONGEST_S * _TICKS
        if pts <= self._last_pts or pts > longest:
            pts = self._last_pts + self._step if pts <= self._last_pts else longest
            self._offset_s = pts / _TICKS - time_s
        self._last_pts = pts
        return pts

    def _hold(self, packet: Any) -> None:
        """Keeps a packet until the next one tells how long it is shown."""
        self._release(packet.pts)
        self._held = packet

    def _release(self, end_pts: int, last: bool = False) -> None:
        """Writes the packet that was kept, after the sound that is heard with it."""
        packet, self._held = self._held, None
        if packet is None:
            return
        packet.duration = max(1, end_pts - packet.pts)
        self._sound_until(end_pts / _TICKS + self._start_s, last)
        self._container.mux(packet)

    def _sound_until(self, end_s: float, last: bool) -> None:
        if self._track is None:
            return
        try:
            self._track.close(end_s) if last else self._track.write(end_s)
        except (av.FFmpegError, ValueError) as error:
            if getattr(error, "errno", None) in _DISK:
                raise
            log.warning("the video's sound ends here: %s", getattr(error, "strerror", error))
            self._track = None

    def _open(self, sound: Sound | None) -> None:
        """Writes the header, with the sound's part where that can be had."""
        self._add_video()
        if sound is not None and not sound.ended:
            try:
                self._track = SoundTrack(self._container, sound, self._start_s)
                self._container.start_encoding()
                return
            except (av.FFmpegError, ValueError) as error:
                if getattr(error, "errno", None) in _DISK:
                    raise
                sound.end(f"it can't be written ({getattr(error, 'strerror', error)})")
            self._track = None
            self._file.empty()
            self._add_video()
        self._container.start_encoding()

    def _add_video(self) -> None:
        options = _MUX | (_MATROSKA if self._format == "matroska" else _MP4)
        self._container = av.open(self._file, "w", format=self._format, options=options)
        stream = self._container.add_stream(
            "libx264", rate=Fraction(self._fps).limit_denominator(1001)
        )
        stream.width, stream.height = self._size
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = Fraction(1, _TICKS)
        context.color_range = ColorRange.MPEG
        context.colorspace = 1 if self._hd else 6  # H.264's numbers: BT.709, SMPTE 170M
        context.color_primaries = ColorPrimaries.BT709 if self._hd else ColorPrimaries.SMPTE170M
        context.color_trc = ColorTrc.BT709 if self._hd else ColorTrc.SMPTE170M
        # One thread: the pipeline's stages need the cores.
        context.thread_count = 1
        stream.options = {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "crf": "23",
            "forced-idr": "1",
        }
        self._stream = stream


class _File:
    """A descriptor for PyAV, which takes a short write for a whole one."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._open = True
        self._regular = stat.S_ISREG(os.fstat(fd).st_mode)

    def write(self, data: bytes) -> int:
        write_all(self._fd, data)
        return len(data)

    def seekable(self) -> bool:
        return self._regular

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return os.lseek(self._fd, offset, whence)

    def tell(self) -> int:
        return os.lseek(self._fd, 0, os.SEEK_CUR)

    def empty(self) -> None:
        if self._regular:
            os.ftruncate(self._fd, 0)
            os.lseek(self._fd, 0, os.SEEK_SET)

    def close(self) -> None:
        if self._open:
            self._open = False
            os.close(self._fd)


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
