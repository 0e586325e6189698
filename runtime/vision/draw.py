"""Boxes and labels on a frame."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.messages import EmotionResult, FrameResult

_UNCERTAIN = (150, 150, 150)

#: Outlines of zones, and of those whose faces are left out.
_ZONE, _EXCLUDED = (210, 210, 120), (90, 90, 200)

#: One BGR colour a label; told apart in print and by most colour-blind people
#: (after Okabe and Ito, 2008).
EMOTION_COLORS: dict[str, tuple[int, int, int]] = {
    "neutral": (230, 230, 230),
    "happiness": (66, 228, 240),
    "surprise": (233, 180, 86),
    "sadness": (178, 114, 0),
    "anger": (0, 94, 213),
    "disgust": (115, 158, 0),
    "fear": (167, 121, 204),
    "contempt": (0, 159, 230),
}


def annotate(result: FrameResult, status: str = "") -> NDArray[np.uint8]:
    """A copy of the frame with a box and label for each face.

    Args:
        result: Frame and faces.
        status: Text for the lower left corner.

    Returns:
        (H, W, 3) uint8 BGR.
    """
    canvas: NDArray[np.uint8] = result.image.copy()
    scale = max(0.45, min(canvas.shape[:2]) / 900)
    for zone in result.zones:
        corners = np.rint(np.array(zone.points)).astype(np.int32)
        color = _EXCLUDED if zone.kind == "exclude" else _ZONE
        cv2.polylines(canvas, [corners], True, color, 1, cv2.LINE_AA)
    for face in result.faces:
        _draw_face(canvas, face, scale)
    if status:
        _draw_text(canvas, status, (6, canvas.shape[0] - 8), scale, (20, 20, 20), (230, 230, 230))
    return canvas


def _draw_face(canvas: NDArray[np.uint8], face: EmotionResult, scale: float) -> None:
    color = _UNCERTAIN if face.uncertain else EMOTION_COLORS.get(face.emotion, _UNCERTAIN)
    x1, y1, x2, y2 = (round(v) for v in face.box)
    # The last row and column of a box that ends with the picture, not the ones after them.
    height, width = canvas.shape[:2]
    x2, y2 = x2 - (x2 == width), y2 - (y2 == height)
    cv2.rectangle(canvas, (x1, y1), (x2, y2), color, max(1, round(2 * scale)), cv2.LINE_AA)
    label = "uncertain" if face.uncertain else f"{face.emotion} {face.confidence:.0%}"
    if face.track:
        label = f"#{face.track} {label}"
    _draw_text(canvas, label, (x1, y1 - 5), scale, color, (0, 0, 0))


def _draw_text(
    canvas: NDArray[np.uint8],
    text: str,
    corner: tuple[int, int],
    scale: float,
    back: tuple[int, int, int],
    ink: tuple[int, int, int],
) -> None:
    """Text on a filled bar, its lower left at `corner`, pulled into the picture."""
    font, thick = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(1.4 * scale))
    (width, height), base = cv2.getTextSize(text, font, scale, thick)
    x = max(0, min(corner[0], canvas.shape[1] - width - 6))
    y = max(height + 4, min(corner[1], canvas.shape[0] - base - 1))
    cv2.rectangle(canvas, (x, y - height - 4), (x + width + 5, y + base), back, cv2.FILLED)
    cv2.putText(canvas, text, (x + 3, y - 1), font, scale, ink, thick, cv2.LINE_AA)
