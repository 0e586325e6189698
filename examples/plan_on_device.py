"""A TensorRT plan on the device that runs it: built there, run there, refused elsewhere.

    python examples/plan_on_device.py [--onnx emotion.fp16.onnx] [--folder out/plan]

A plan runs on the GPU and the TensorRT that it was built for. This puts the ONNX file (FP32,
as it comes with the runtime, where none is named) and its manifest into a folder, and opens
the plan beside it with `rebuild`: it is built if it isn't there or doesn't suit this machine,
which takes minutes on a Jetson. Without a GPU or TensorRT the refusal is one line.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

import runtime
from emotion_edge import EmotionRecognizer, UserError

PACKAGE = Path(runtime.__file__).parent
PORTRAIT = PACKAGE / "assets" / "astronaut.jpg"


def main() -> int:
    """Prints what a face shows, and how long that took."""
    parser = argparse.ArgumentParser(description="A TensorRT plan on the device that runs it.")
    parser.add_argument("--onnx", type=Path, default=PACKAGE / "models" / "emotion.onnx")
    parser.add_argument("--folder", type=Path, default=Path("out/plan"))
    options = parser.parse_args()

    options.folder.mkdir(parents=True, exist_ok=True)
    for file in (options.onnx, options.onnx.with_suffix(".json")):
        shutil.copy(file, options.folder)
    plan = options.folder / options.onnx.with_suffix(".plan").name

    with EmotionRecognizer(plan, rebuild=True) as recognizer:
        recognizer.predict(PORTRAIT)  # the first run sets things up
        start = time.perf_counter()
        (face,) = recognizer.predict(PORTRAIT).faces
        took_ms = (time.perf_counter() - start) * 1e3
    print(f"{face.emotion} {face.confidence:.0%}, in {took_ms:.1f} ms with its detection")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (UserError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
