"""Emotions of the faces in single pictures."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from runtime.detectors.base import Detector
from runtime.detectors.catalogue import FACE_SCORE, check_detector
from runtime.detectors.factory import open_detector
from runtime.emotion.certainty import CERTAIN
from runtime.emotion.classifier import Classifier
from runtime.engines.base import Engine
from runtime.engines.catalogue import check_engine
from runtime.engines.factory import open_engine
from runtime.errors import SourceError
from runtime.messages import FrameResult
from runtime.pictures.download import download_picture, is_address, shown_picture
from runtime.pictures.faces import FaceRules, check_boxes, recognize_pictures
from runtime.pictures.orientation import turned
from runtime.pictures.reading import decode_picture, read_picture
from runtime.support.files.home import at_home, home_path
from runtime.support.net.tls import Tls
from runtime.support.process import OwnProcess
from runtime.support.ranges import within
from runtime.vision.arrays import array_to_bgr
from runtime.vision.zones import Zones, open_zones

#: Pictures whose faces share a batch: more would only hold more memory.
_PICTURES = 8


class PillowImage(Protocol):
    """What is read of a Pillow image, which nothing here imports."""

    @property
    def mode(self) -> str:
        """Its kind of colours."""

    def convert(self, mode: str, /) -> Any:
        """The image in another mode."""

    def getexif(self) -> Any:
        """Its EXIF tags."""


#: What stands for one picture.
AnyPicture: TypeAlias = "str | bytes | bytearray | os.PathLike[Any] | NDArray[Any] | PillowImage"


class EmotionRecognizer:
    """Recognises the emotions of the faces in single pictures.

    Pictures have nothing to do with each other: for a video or a camera take
    `Pipeline`, which follows faces and steadies their labels. Threads may share a
    recognizer; they take turns.

        with EmotionRecognizer() as recognizer:
            for face in recognizer.predict("photo.jpg").faces:
                print(face.emotion, face.confidence)
    """

    def __init__(
        self,
        engine: str | Path | Engine = "default",
        *,
        provider: str = "cpu",
        threads: int = 2,
        detector: str | Detector = "centerface",
        detector_model: str | None = None,
        detect_size: int = 640,
        min_score: float = FACE_SCORE,
        min_confidence: float = CERTAIN,
        face_crops: bool = False,
        raw_boxes: bool = False,
        min_face: float = 0.0,
        zones: str | Path | Zones | None = None,
        embeddings: bool = False,
        rebuild: bool = False,
        tls_ca: str | None = None,
        tls_insecure: bool = False,
    ) -> None:
        """Opens the models.

        Args:
            engine: An `.onnx` or `.plan` file or a shipped model's name, or an open
                engine, which stays the caller's.
            provider: Where an `.onnx` runs: `cpu`, `cuda`, `tensorrt` or `openvino`.
            threads: Threads inside each network.
            detector: `centerface`, `scrfd` or `yunet`, or an open detector, which stays
                the caller's.
            detector_model: File of `scrfd` or `yunet`.
            detect_size: Longer side of what the detector sees, in pixels. A single picture
                deserves more of them than the frame of a video.
            min_score: Lowest score of a face, in [0, 1].
            min_confidence: Below this probability a label is uncertain.
            face_crops: Take each picture for a face; no detector is opened.
            raw_boxes: Leave boxes as they are found: they may reach outside of the
                picture, where they otherwise end.
            min_face: Least length of the shorter side of a face's box, in pixels.
            zones: File of the zones whose faces count (`runtime.vision.zones`), or the zones.
            embeddings: Give each face's features in `EmotionResult.embedding`.
            rebuild: Build a plan that doesn't suit this machine again, from the `.onnx`
                beside it.
            tls_ca: PEM file of the authorities that servers of pictures must be certified
                by; None for the system's.
            tls_insecure: Trust any certificate of theirs.

        Raises:
            UserError: A model or an option is wrong; nothing stays open.
            TypeError: There is no such engine or detector.
        """
        check_engine(engine)
        if not face_crops:
            check_detector(detector)
        within("min_face", min_face, 0)
        within("min_score", min_score, 0, 1)
        within("min_confidence", min_confidence, 0, 1)
        self._rules = FaceRules(min_confidence, min_face, open_zones(zones))
        self._process = OwnProcess("EmotionRecognizer")
        self._tls = Tls(at_home(tls_ca), tls_insecure)
        self._raw_boxes = raw_boxes
        self._lock = threading.Lock()
        self._closed = False
        self._owned: list[Engine | Detector] = []
        self._detector: Detector | None = None
        try:
            if isinstance(engine, (str, Path)):
                engine = open_engine(engine, provider, threads, rebuild)
                self._owned.append(engine)
            self._classifier = Classifier(engine, embeddings=embeddings)
            if face_crops:
                return
            if isinstance(detector, str):
                detector = open_detector(
                    detector, detector_model, detect_size, min_score, threads, retry=True
                )
                self._owned.append(detector)
            self._detector = detector
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> EmotionRecognizer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> str | tuple[object, ...]:
        self._process.refuse_copy()

    @property
    def labels(self) -> tuple[str, ...]:
        """The model's labels, in the order of `EmotionResult.probabilities`."""
        return tuple(self._classifier.labels)

    def predict(
        self, picture: AnyPicture, boxes: Iterable[Sequence[float]] | None = None
    ) -> FrameResult:
        """Emotions of the faces in one picture.

        Args:
            picture: Its path, its http(s) URL, the bytes of its file, a Pillow image, or an
                array: (H, W) grey, (H, W, 3) BGR or (H, W, 4) BGRA, of uint8, uint16 or floats
                in [0, 1].
            boxes: Its faces, where you know them, each (x1, y1, x2, y2) in pixels: the
                detector is passed over, and each of them is read, whatever its size and zone.

        Returns:
            The faces in the order of `boxes`, or best first where there are more than can be
            read; `track` is 0 and `stream` None. `image` is the picture as uint8 BGR.

        Raises:
            TypeError: It is neither; None says that reading it failed.
            ValueError: The array has another shape or range, or a box is wrong.
            SourceError: The file can't be read, or the server refuses it.
            EngineError: A network failed.
            RuntimeError: The recognizer is closed, or was made before a fork.
        """
        (result,) = self._predict([picture], boxes)
        return result

    def predict_many(self, pictures: Iterable[AnyPicture]) -> Iterator[FrameResult]:
        """Emotions of the faces in several pictures, whose faces share batches.

        A few pictures are read at a time, so there may be any number of them.

        Args:
            pictures: What `predict` takes, of any sizes.

        Yields:
            A result a picture, in their order. `latency_ms` is that of its batch.

        Raises:
            TypeError: `pictures` is one picture.
            Exception: As `predict`.
        """
        if isinstance(pictures, (str, bytes, os.PathLike)) or getattr(pictures, "ndim", 4) < 4:
            raise TypeError("predict_many takes several pictures; predict takes one")
        if isinstance(pictures, Mapping) or not hasattr(pictures, "__iter__"):
            shown = type(pictures).__name__
            raise TypeError(
                f"predict_many takes a list, generator or array of pictures, not {shown}"
            )
        return self._batches(iter(pictures))

    def close(self) -> None:
        """Frees the models that it opened; may be called again.

        In a fork of its process nothing is touched.
        """
        if self._process.left:
            return
        with self._lock:
            self._closed = True
            while self._owned:
                self._owned.pop().close()

    def _batches(self, pictures: Iterator[Any]) -> Iterator[FrameResult]:
        while batch := list(islice(pictures, _PICTURES)):
            yield from self._predict(batch)

    def _predict(
        self, pictures: Sequence[Any], boxes: Iterable[Sequence[float]] | None = None
    ) -> list[FrameResult]:
        self._process.check()
        read = [self._read(picture) for picture in pictures]
        names, images = [name for name, _ in read], [image for _, image in read]
        known = None if boxes is None else check_boxes(boxes, images[0])
        with self._lock:
            if self._closed:
                raise RuntimeError("this EmotionRecognizer is closed")
            results = recognize_pictures(
                images, self._detector, self._classifier, self._rules, names, known
            )
        return results if self._raw_boxes else [result.inside() for result in results]

    def _read(self, picture: Any) -> tuple[str, NDArray[np.uint8]]:
        """A picture's name, empty for none, and the picture as BGR."""
        if isinstance(picture, str) and is_address(picture):
            name = shown_picture(picture)
            return name, decode_picture(download_picture(picture, self._tls), name)
        # No path has a null character, and hardly a picture's file has none.
        if isinstance(picture, bytearray) or (isinstance(picture, bytes) and b"\0" in picture):
            return "", decode_picture(bytes(picture), "the picture's bytes")
        if isinstance(picture, (str, bytes, os.PathLike)):
            return os.fsdecode(picture), read_picture(home_path(_path(picture)))
        if type(picture).__module__.startswith("PIL."):
            return "", _pillow_to_bgr(picture)
        return "", array_to_bgr(picture)


def _path(given: str | bytes | os.PathLike[Any]) -> str | Path:
    """A path, of bytes too."""
    if isinstance(given, (str, Path)):
        return given
    return Path(os.fsdecode(given))


def _pillow_to_bgr(picture: Any) -> NDArray[np.uint8]:
    """A Pillow image, which is RGB and not turned as its file says, as a path would give it."""
    try:
        if picture.mode[0] not in "IF":  # as deep ones go as arrays
            colours = np.asarray(picture.convert("RGB"))[:, :, ::-1]
        else:
            colours = np.asarray(picture)
        tag = picture.getexif().get(0x112)
    except (OSError, SyntaxError, ValueError) as error:
        raise SourceError(f"the Pillow image can't be read ({error})") from error
    image = array_to_bgr(colours)
    return turned(image, tag) if isinstance(tag, int) else image
