"""What a face detector is."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from runtime.messages import Face


class Detector(Protocol):
    """Finds faces in a picture. One thread calls it."""

    def detect(self, image: NDArray[np.uint8], scale: float = 1.0) -> list[Face]:
        """Faces of an (H, W, 3) uint8 BGR picture, best first, in its pixels.

        A `scale` below 1 looks at so much smaller a picture, to be quicker.
        """
        ...

    def close(self) -> None:
        """Frees the model."""
        ...
