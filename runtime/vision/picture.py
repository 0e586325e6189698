"""A picture as its decoder gave it, and the forms that readers ask for, each made once."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.vision.preprocess import to_bgr
from runtime.vision.turning import UPRIGHT, Turn, composed, turn_of_matrix, turned

if TYPE_CHECKING:
    from runtime.vision.hdr import HdrStream

#: FFmpeg's numbers of colour matrices, and those that it can undo: others (ICtCp, damage)
#: are guessed like none.
_BT709, _UNSTATED, _BT601, _BT2020 = 1, 2, 5, 9
_MATRICES = (0, _BT709, 4, _BT601, 6, 7, _BT2020)

#: And of the transfer functions of HDR: PQ and HLG.
_HDR = (16, 18)

#: Lines from which video that states no matrix has BT.709's, as players take it.
HD_LINES = 720

#: Ratios of a pixel's sides that are taken for a fault of the file, and passed over: those of
#: real material lie between 1:2 and 3:1.
_LEAST_ASPECT, _GREATEST_ASPECT = 0.2, 5.0


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
        self._hdr: HdrStream | None = None
        # The turn of the frames, and the angle of those that it was read of.
        self._turn, self._angle = UPRIGHT, math.nan

    def turn_of(self, frame: Any) -> Turn:
        """How an `av.VideoFrame` of the stream must be turned; one thread asks."""
        angle = frame.rotation
        if angle != self._angle:
            # Of a frame once: its side data and it hold each other, and their memory, until
            # the collector of cycles comes.
            matrix = frame.side_data.get("DISPLAYMATRIX")
            self._turn = UPRIGHT if matrix is None else turn_of_matrix(bytes(matrix))
            self._angle = angle
        return self._turn

    def convert(self, frame: Any, form: str, width: int, height: int) -> NDArray[np.uint8]:
        """The frame's pixels.

        Args:
            frame: An `av.VideoFrame`.
            form: FFmpeg's name of a format with 8 bits a channel, such as `bgr24`.
            width: Of the result in pixels; the frame is scaled to it.
            height: The same.

        Returns:
            uint8, in the shape that PyAV gives to the format.

        Raises:
            ValueError: FFmpeg can't convert it.
            MemoryError: It needs more memory than there is.
        """
        import av

        try:
            with self._lock:
                made = self._reformatter.reformat(
                    frame, width, height, form, src_colorspace=_matrix_of(frame), threads=1
                )
                return np.asarray(made.to_ndarray(), np.uint8)
        except av.FFmpegError as error:
            raise ValueError(f"a {frame.format.name} frame can't be converted to {form}") from error

    def convert_hdr(self, frame: Any, transfer: int, width: int, height: int) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 BGR of an HDR frame, as an SDR screen shows it.

        Args:
            frame: An `av.VideoFrame`.
            transfer: `hdr.PQ` or `hdr.HLG`.
            width: As `convert`.
            height: The same.

        Raises:
            Exception: As `convert`.
        """
        image = self.convert(frame, "bgr24", width, height)
        from runtime.vision.hdr import HdrStream

        with self._lock:
            self._hdr = self._hdr or HdrStream()
            return self._hdr.to_sdr(image, transfer)


def _matrix_of(frame: Any) -> int | None:
    """The matrix of a frame's colours where it states none that is known; None where it does."""
    if frame.colorspace in _MATRICES:
        return None
    if frame.color_trc in _HDR:
        return _BT2020
    return _BT709 if frame.height >= HD_LINES else _BT601


class Picture:
    """One picture, in each form that somebody asks for.

    It keeps what the decoder gave for as long as it lives. A form is made when it is first
    asked for and kept; all who ask get the same array and must not write to it. Any thread
    may ask.

    Attributes:
        width: Pixels from left to right, upright.
        height: Pixels from top to bottom, upright.
    """

    __slots__ = ("_converter", "_forms", "_given", "_lock", "_turn", "_wide", "height", "width")

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
        self._wide = self.width  # before it is turned
        self._take(image, None, UPRIGHT)

    @classmethod
    def of_video_frame(
        cls, frame: Any, converter: FrameConverter | None = None, aspect: float = 1.0
    ) -> Picture:
        """A picture of a decoded frame, upright and with square pixels; nothing is converted yet.

        Args:
            frame: An `av.VideoFrame`; it is kept.
            converter: Shared by the frames of a stream; None makes one.
            aspect: Width of its pixels over their height; what no pixel has counts as 1.
        """
        picture = cls.__new__(cls)
        converter = converter or FrameConverter()
        if frame.colorspace not in _MATRICES:
            frame.colorspace = _UNSTATED  # FFmpeg would make no NV12 that states it either
        turn = converter.turn_of(frame)
        picture._wide = frame.width
        if aspect != 1.0 and _LEAST_ASPECT <= aspect <= _GREATEST_ASPECT:
            picture._wide = max(1, round(frame.width * aspect))
        picture.width, picture.height = picture._wide, frame.height
        if turn[0] % 2:
            picture.width, picture.height = picture.height, picture.width
        picture._take(frame, converter, turn)
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
        picture._take(self._given, self._converter, composed(self._turn, rotate, flip))
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
            return turned(to_bgr(self._given), self._turn)
        size = self._wide, self._given.height
        transfer = int(self._given.color_trc)
        if transfer in _HDR:
            image = self._converter.convert_hdr(self._given, transfer, *size)
        else:
            image = self._converter.convert(self._given, "bgr24", *size)
        return turned(image, self._turn)

    def _make_grey(self) -> NDArray[np.uint8]:
        return np.asarray(cv2.cvtColor(self.bgr(), cv2.COLOR_BGR2GRAY), np.uint8)

    def _make_nv12(self) -> NDArray[np.uint8]:
        odd = self.width % 2 or self.height % 2
        if self._converter is None or odd or self._given.color_trc in _HDR:
            return _nv12_of_bgr(self.bgr())
        height, width = self._given.height, self._wide
        planes = self._converter.convert(self._given, "nv12", width, height)
        luma = turned(planes[:height], self._turn)
        # Two samples a pixel: turned as what they are, not as bytes.
        chroma = turned(planes[height:].reshape(height // 2, width // 2, 2), self._turn)
        return np.concatenate([luma, chroma.reshape(-1, self.width)])


def _nv12_of_bgr(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = (side // 2 * 2 for side in image.shape[:2])
    if not height or not width:
        raise ValueError(f"a picture of {image.shape[1]}x{image.shape[0]} pixels has no NV12 form")
    planar = np.asarray(cv2.cvtColor(image[:height, :width], cv2.COLOR_BGR2YUV_I420), np.uint8)
    chroma = planar[height:].reshape(2, height // 2, width // 2)
    return np.concatenate([planar[:height], chroma.transpose(1, 2, 0).reshape(height // 2, width)])
