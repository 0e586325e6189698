"""A picture as its decoder gave it, and the forms that readers ask for, each made once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.vision.preprocess import to_bgr

#: How a picture is turned: quarter turns clockwise, 0 to 3, and whether left and right
#: change places after them. Every turning and mirroring comes down to one of these eight.
Turn = tuple[int, bool]

_UPRIGHT: Turn = (0, False)

#: What undoes a display matrix, by its degrees counterclockwise.
_TURNS: dict[int, Turn] = {90: (3, False), 180: (2, False), 270: (1, False)}

#: What `cv2.rotate` and `cv2.flip` call them.
_ROTATE = {1: cv2.ROTATE_90_CLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_COUNTERCLOCKWISE}
_FLIP = {0: 1, 2: 0}


class FrameConverter:
    """Makes arrays of a decoder's frames; one serves all frames of a stream.

    Setting up a conversion takes longer than converting a small frame, so it is kept. One
    thread converts at a time.
    """

    def __init__(self) -> None:
        """Makes a converter; needs PyAV."""
        from av.video.reformatter import VideoReformatter  # arrays need no PyAV, which takes 0.1 s

        self._reformatter = VideoReformatter()
        self._lock = threading.Lock()

    def convert(self, frame: Any, form: str) -> NDArray[np.uint8]:
        """The frame's pixels.

        Args:
            frame: An `av.VideoFrame`.
            form: FFmpeg's name of a format with 8 bits a channel, such as `bgr24`.

        Returns:
            uint8, in the shape that PyAV gives to the format.

        Raises:
            ValueError: FFmpeg can't convert it.
            MemoryError: It needs more memory than there is.
        """
        import av

        try:
            with self._lock:
                return np.asarray(
                    self._reformatter.reformat(frame, format=form, threads=1).to_ndarray(), np.uint8
                )
        except av.FFmpegError as error:
            raise ValueError(f"a {frame.format.name} frame can't be converted to {form}") from error


class Picture:
    """One picture, in each form that somebody asks for.

    It keeps what the decoder gave for as long as it lives. A form is made when it is first
    asked for and kept; all who ask get the same array and must not write to it. Any thread
    may ask.

    Attributes:
        width: Pixels from left to right, upright.
        height: Pixels from top to bottom, upright.
    """

    __slots__ = ("_converter", "_forms", "_given", "_lock", "_turn", "height", "width")

    def __init__(self, image: NDArray[Any]) -> None:
        """Takes an array.

        Args:
            image: What `to_bgr` takes; (H, W, 3) uint8 BGR is used as it is. It must not
                be written to afterwards.

        Raises:
            ValueError: It has no shape of a picture.
        """
        if image.ndim not in (2, 3) or image.size == 0:
            raise ValueError(
                f"a picture must be (H, W) or (H, W, C) with pixels, not {image.shape}"
            )
        self.height: int = image.shape[0]
        self.width: int = image.shape[1]
        self._take(image, None, _UPRIGHT)

    @classmethod
    def of_video_frame(cls, frame: Any, converter: FrameConverter | None = None) -> Picture:
        """A picture of a decoded frame, turned upright; nothing is converted yet.

        Args:
            frame: An `av.VideoFrame`; it is kept.
            converter: Shared by the frames of a stream; None makes one.
        """
        picture = cls.__new__(cls)
        turn = _TURNS.get(round(frame.rotation) % 360, _UPRIGHT)
        picture.width, picture.height = frame.width, frame.height
        if turn[0] % 2:
            picture.width, picture.height = frame.height, frame.width
        picture._take(frame, converter or FrameConverter(), turn)
        return picture

    def turned(self, rotate: int = 0, flip: str | None = None) -> Picture:
        """The same picture turned; nothing is converted or turned yet.

        Args:
            rotate: Degrees clockwise: 0, 90, 180 or 270.
            flip: `horizontal` (left and right change places) or `vertical`, after the
                turning; None for neither.
        """
        picture = Picture.__new__(Picture)
        for name in Picture.__slots__:
            setattr(picture, name, getattr(self, name))
        if rotate % 180:
            picture.width, picture.height = self.height, self.width
        picture._take(self._given, self._converter, _composed(self._turn, rotate, flip))
        return picture

    def _take(self, given: Any, converter: FrameConverter | None, turn: Turn) -> None:
        self._given, self._converter, self._turn = given, converter, turn
        self._forms: dict[str, NDArray[np.uint8]] = {}
        self._lock = threading.RLock()

    def bgr(self) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 BGR.

        Raises:
            ValueError: It can't be converted: another dtype, number of channels or format.
            MemoryError: It needs more memory than there is.
        """
        return self._form("bgr", Picture._make_bgr)

    def grey(self) -> NDArray[np.uint8]:
        """(H, W) uint8, of the BGR form: a crop of it is the grey form of a crop.

        Raises:
            ValueError: As `bgr`.
        """
        return self._form("grey", Picture._make_grey)

    def nv12(self) -> NDArray[np.uint8]:
        """(H * 3 / 2, W) uint8: luma, then chroma at half the size, as video has them.

        An odd last row or column is left out.

        Raises:
            ValueError: As `bgr`, or it is a single row or column.
        """
        return self._form("nv12", Picture._make_nv12)

    def _form(self, name: str, make: Callable[[Picture], NDArray[np.uint8]]) -> NDArray[np.uint8]:
        form = self._forms.get(name)
        if form is None:
            with self._lock:
                form = self._forms.get(name)
                if form is None:
                    form = self._forms[name] = make(self)
        return form

    def _make_bgr(self) -> NDArray[np.uint8]:
        if self._converter is None:
            return _turned(to_bgr(self._given), self._turn)
        return _turned(self._converter.convert(self._given, "bgr24"), self._turn)

    def _make_grey(self) -> NDArray[np.uint8]:
        return np.asarray(cv2.cvtColor(self.bgr(), cv2.COLOR_BGR2GRAY), np.uint8)

    def _make_nv12(self) -> NDArray[np.uint8]:
        if self._converter is None or self.width % 2 or self.height % 2:
            return _nv12_of_bgr(self.bgr())
        planes = self._converter.convert(self._given, "nv12")
        height, width = self._given.height, self._given.width
        luma = _turned(planes[:height], self._turn)
        # Two samples a pixel: turned as what they are, not as bytes.
        chroma = _turned(planes[height:].reshape(height // 2, width // 2, 2), self._turn)
        return np.concatenate([luma, chroma.reshape(-1, self.width)])


def _composed(first: Turn, rotate: int, flip: str | None) -> Turn:
    """One turn in place of another with a rotation and a mirroring after it."""
    quarters, mirrored = first
    # Behind a mirror a turn goes the other way round.
    quarters += -rotate // 90 if mirrored else rotate // 90
    if flip is not None:
        mirrored = not mirrored
        quarters += 2 * (flip == "vertical")
    return quarters % 4, mirrored


def _turned(image: NDArray[np.uint8], turn: Turn) -> NDArray[np.uint8]:
    quarters, mirrored = turn
    if not mirrored:
        done = image if not quarters else cv2.rotate(image, _ROTATE[quarters])
    elif quarters in _FLIP:
        done = cv2.flip(image, _FLIP[quarters])
    else:
        done = cv2.transpose(image)
        if quarters == 3:
            done = cv2.flip(done, -1, done)
    return np.asarray(done, np.uint8)


def _nv12_of_bgr(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = (side // 2 * 2 for side in image.shape[:2])
    if not height or not width:
        raise ValueError(f"a picture of {image.shape[1]}x{image.shape[0]} pixels has no NV12 form")
    planar = np.asarray(cv2.cvtColor(image[:height, :width], cv2.COLOR_BGR2YUV_I420), np.uint8)
    chroma = planar[height:].reshape(2, height // 2, width // 2)
    return np.concatenate([planar[:height], chroma.transpose(1, 2, 0).reshape(height // 2, width)])
