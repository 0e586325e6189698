"""The built-in demo: real faces, moved about as a camera would see them.

The portrait (astronaut Eileen Collins, NASA, public domain; scikit-image's
test picture) comes with the runtime; a group of six comes with the package
insightface and joins where that is installed.
"""

from __future__ import annotations

import importlib.util
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.errors import SourceError
from runtime.manifest import Preprocess
from runtime.vision.boxes import Box
from runtime.vision.opencv_log import quiet_opencv
from runtime.vision.preprocess import crop_face

WIDTH, HEIGHT, FPS = 640, 480, 30.0

_PORTRAIT = Path(__file__).resolve().parents[1] / "assets" / "astronaut.jpg"
#: The portrait's face, as CenterFace finds it.
_PORTRAIT_BOX: Box = (181.5, 58.1, 269.9, 177.9)


@dataclass(frozen=True, eq=False)
class Scene:
    """A still picture and how the camera moves over it.

    Attributes:
        image: (H, W, 3) uint8 BGR.
        centre: Point of the picture in the middle of the view, in pixels.
        scale: View pixels per picture pixel.
        sway: Largest movement, in view pixels.
        frames: Length.
    """

    image: NDArray[np.uint8]
    centre: tuple[float, float]
    scale: float
    sway: float
    frames: int

    def render(self, index: int) -> NDArray[np.uint8]:
        """(HEIGHT, WIDTH, 3) uint8 view: pan, zoom, roll, light and sensor noise."""
        t = index / FPS
        zoom = self.scale * (1 + 0.06 * math.sin(0.9 * t))
        matrix = cv2.getRotationMatrix2D(self.centre, 4 * math.sin(0.7 * t), zoom)
        matrix[0, 2] += WIDTH / 2 - self.centre[0] + self.sway * math.sin(1.3 * t)
        matrix[1, 2] += HEIGHT / 2 - self.centre[1] + 0.5 * self.sway * math.sin(1.9 * t)
        view = cv2.warpAffine(
            self.image,
            matrix,
            (WIDTH, HEIGHT),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        light = 1 + 0.08 * math.sin(2.3 * t)
        # One noise field, shifted from frame to frame, is cheap and unlike a still.
        noise = np.roll(_noise_field(), (37 * index, 53 * index), axis=(0, 1))
        lit = cv2.addWeighted(view, light, noise, 1.0, -16.0)
        return np.asarray(lit, np.uint8)


def group_picture() -> Path | None:
    """Insightface's picture of six faces, or None where it isn't installed."""
    spec = importlib.util.find_spec("insightface")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        file = Path(folder) / "data" / "images" / "t1.jpg"
        if file.is_file():
            return file
    return None


def demo_scenes() -> list[Scene]:
    """The portrait for four seconds, then the group (or the portrait, nearer) for six."""
    portrait = _read(_PORTRAIT)
    x1, y1, x2, y2 = _PORTRAIT_BOX
    face = ((x1 + x2) / 2, (y1 + y2) / 2 + 20)
    scenes = [Scene(portrait, face, 1.5, 90.0, round(4 * FPS))]
    group = group_picture()
    if group is None:
        return [*scenes, Scene(portrait, face, 2.4, 120.0, round(6 * FPS))]
    image = _read(group)
    height, width = image.shape[:2]
    scale = 1.02 * WIDTH / width
    return [*scenes, Scene(image, (width / 2, height / 2), scale, 8.0, round(6 * FPS))]


def demo_faces() -> list[NDArray[np.uint8]]:
    """Real faces, cropped: at least one (H, W, 3) uint8 BGR picture."""
    return [crop_face(_read(_PORTRAIT), _PORTRAIT_BOX, Preprocess())]


def _read(path: Path) -> NDArray[np.uint8]:
    with quiet_opencv():
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise SourceError(f"{path}: the demo picture can't be read; install the package again")
    return np.asarray(image, np.uint8)


@cache
def _noise_field() -> NDArray[np.uint8]:
    """(HEIGHT, WIDTH, 3) uint8 noise around 16, the same in every run."""
    noise = np.random.default_rng(0).normal(16, 3, (HEIGHT, WIDTH, 3))
    return np.clip(noise, 0, 32).astype(np.uint8)
