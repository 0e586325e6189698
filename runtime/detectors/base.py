"""What a face detector is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from runtime.messages import Face
from runtime.vision.boxes import Box
from runtime.vision.picture import Picture


class Detector(Protocol):
    """Finds faces in a picture. One thread calls it."""

    def detect(
        self, picture: Picture, regions: Sequence[Box] | None = None, scale: float = 1.0
    ) -> list[Face]:
        """Finds the faces of a picture, or of regions of it.

        A detector of your own that can't search regions hands them to
        `runtime.detectors.regions.search`.

        Args:
            picture: The picture.
            regions: Only these crops of it (x1, y1, x2, y2) are searched, as detailed as
                they are in a search of the whole; they may overlap and reach outside. None
                searches the whole picture, an empty sequence nothing.
            scale: Size of what the detector sees, as a share of its usual one: below 1 it
                is quicker. For regions it may be above 1, to see more detail.

        Returns:
            Faces in pixels of the picture, best first. Of a face in several regions only
            the best detection.
        """
        ...

    def close(self) -> None:
        """Frees the model."""
        ...
