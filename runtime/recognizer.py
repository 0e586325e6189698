"""Emotions of the faces in single pictures."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.detectors.base import Detector
from runtime.detectors.catalogue import FACE_SCORE
from runtime.detectors.factory import open_detector
from runtime.detectors.found_faces import MAX_FACES, best, find_faces
from runtime.emotion.certainty import CERTAIN
from runtime.emotion.classifier import Classifier
from runtime.emotion.smoothing import Label
from runtime.engines.base import Engine
from runtime.engines.factory import open_engine
from runtime.messages import Face, FrameResult
from runtime.pictures.download import download_picture, is_address, shown_picture
from runtime.pictures.reading import decode_picture, read_picture
from runtime.support.files.home import at_home, home_path
from runtime.support.net.tls import Tls
from runtime.vision.arrays import array_to_bgr
from runtime.vision.picture import Picture
from runtime.vision.preprocess import cut_face

log = logging.getLogger(__name__)

#: Pictures whose faces share a batch: more would only hold more memory.
_PICTURES = 8


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
            rebuild: Build a plan that doesn't suit this machine again, from the `.onnx`
                beside it.
            tls_ca: PEM file of the authorities that servers of pictures must be certified
                by; None for the system's.
            tls_insecure: Trust any certificate of theirs.

        Raises:
            UserError: A model or an option is wrong; nothing stays open.
        """
        self._min_confidence = min_confidence
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
            self._classifier = Classifier(engine)
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

    @property
    def labels(self) -> tuple[str, ...]:
        """The model's labels, in the order of `EmotionResult.probabilities`."""
        return tuple(self._classifier.labels)

    def predict(self, picture: str | os.PathLike[str] | NDArray[Any]) -> FrameResult:
        """Emotions of the faces in one picture.

        Args:
            picture: Its path, its http(s) URL, or an array: (H, W) grey, (H, W, 3) BGR or
                (H, W, 4) BGRA, of uint8, uint16 or floats in [0, 1].

        Returns:
            The faces, best first where there are more than can be read; `track` is 0 and
            `stream` None. `image` is the picture as uint8 BGR.

        Raises:
            TypeError: It is neither; None says that reading it failed.
            ValueError: The array has another shape or range.
            SourceError: The file can't be read, or the server refuses it.
            EngineError: A network failed.
            RuntimeError: The recognizer is closed.
        """
        (result,) = self._predict([picture])
        return result

    def predict_many(
        self, pictures: Iterable[str | os.PathLike[str] | NDArray[Any]]
    ) -> Iterator[FrameResult]:
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
        if isinstance(pictures, (str, os.PathLike)) or getattr(pictures, "ndim", 4) < 4:
            raise TypeError("predict_many takes several pictures; predict takes one")
        return self._batches(iter(pictures))

    def close(self) -> None:
        """Frees the models that it opened; may be called again."""
        with self._lock:
            self._closed = True
            while self._owned:
                self._owned.pop().close()

    def _batches(self, pictures: Iterator[Any]) -> Iterator[FrameResult]:
        while batch := list(islice(pictures, _PICTURES)):
            yield from self._predict(batch)

    def _predict(self, pictures: Sequence[Any]) -> list[FrameResult]:
        images, names = [], []
        for picture in pictures:
            is_path = isinstance(picture, (str, os.PathLike))
            if isinstance(picture, str) and is_address(picture):
                names.append(shown_picture(picture))
                images.append(decode_picture(download_picture(picture, self._tls), names[-1]))
            else:
                names.append(os.fsdecode(picture) if is_path else "")
                images.append(
                    read_picture(home_path(picture)) if is_path else array_to_bgr(picture)
                )
        with self._lock:
            if self._closed:
                raise RuntimeError("this EmotionRecognizer is closed")
            results = recognize_pictures(
                images, self._detector, self._classifier, self._min_confidence, names
            )
        return results if self._raw_boxes else [result.inside() for result in results]


def recognize_pictures(
    images: Sequence[NDArray[np.uint8]],
    detector: Detector | None,
    classifier: Classifier,
    min_confidence: float,
    names: Sequence[str] = (),
) -> list[FrameResult]:
    """Emotions of the faces in pictures, all of whose faces are classified together.

    Args:
        images: Each (H, W, 3) uint8 BGR.
        detector: Finds the faces; None takes each picture for a face.
        classifier: Reads them.
        min_confidence: Below this probability a label is uncertain.
        names: A file name each, for the results; none for none.

    Returns:
        A result a picture.
    """
    start = time.perf_counter()
    names = names or [""] * len(images)
    faces = [
        _whole(image) if detector is None else _detect(image, detector, name)
        for image, name in zip(images, names, strict=True)
    ]
    crops = [
        image if detector is None else cut_face(image, face.box, classifier.spec, face.landmarks)
        for image, found in zip(images, faces, strict=True)
        for face in found
    ]
    rows = iter(classifier.classify(crops))
    read = [
        tuple(
            _label(next(rows), min_confidence).describe(face, classifier.labels) for face in found
        )
        for found in faces
    ]
    latency = (time.perf_counter() - start) * 1e3
    return [
        FrameResult(None, 0, 0.0, image, emotions, latency, name)
        for image, emotions, name in zip(images, read, names, strict=True)
    ]


def _whole(image: NDArray[np.uint8]) -> list[Face]:
    height, width = image.shape[:2]
    return [Face((0.0, 0.0, float(width), float(height)), 1.0)]


def _detect(image: NDArray[np.uint8], detector: Detector, name: str) -> list[Face]:
    found = find_faces(detector, Picture(image))
    if len(found) > MAX_FACES:
        log.warning("%s: %d faces; the best %d are read", name, len(found), MAX_FACES)
    return best(found, MAX_FACES)


def _label(row: NDArray[np.float64], min_confidence: float) -> Label:
    """The label of a picture's face, which has no past."""
    top = int(row.argmax())
    confidence = float(row[top])
    return Label(top, confidence, confidence < min_confidence, row)
