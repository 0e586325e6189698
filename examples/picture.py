"""An array in, labels out: the emotions of the faces in one picture.

    python examples/picture.py [PICTURE]

Without a picture it takes the portrait that comes with the runtime. An array may come from
anywhere: OpenCV, Pillow, a camera's own library. Here OpenCV reads it, which gives BGR.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2

import runtime
from emotion_edge import EmotionRecognizer, UserError

PORTRAIT = Path(runtime.__file__).parent / "assets" / "astronaut.jpg"


def main() -> int:
    """Prints a line for each face."""
    parser = argparse.ArgumentParser(description="Emotions of the faces in one picture.")
    parser.add_argument("picture", nargs="?", default=str(PORTRAIT))
    path = parser.parse_args().picture
    image = cv2.imread(path)  # (H, W, 3) uint8 BGR
    if image is None:  # OpenCV says no more; `predict(path)` would say why
        raise UserError(f"{path}: no picture can be read from it")

    with EmotionRecognizer() as recognizer:
        result = recognizer.predict(image)

    for face in result.faces:
        x1, y1, x2, y2 = (round(value) for value in face.box)
        note = " (uncertain)" if face.uncertain else ""
        print(f"{face.emotion} {face.confidence:.0%}{note} at {x1},{y1} to {x2},{y2}")
        # The probability of every label, the likeliest first.
        ranked = sorted(face.probabilities.items(), key=lambda item: -item[1])
        print("  " + ", ".join(f"{label} {share:.1%}" for label, share in ranked))
    if not result.faces:
        print("no face")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
