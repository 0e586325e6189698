"""`python -m benchmarks.pipeline`: how fast is the whole runtime on this machine?

Frame time from source to result, for one face and six at 640x480, as a ratio
to REF: one CenterFace pass at 320x256 on one thread. REF and the pipeline run
in turns, so that a noisy machine slows both. Also: time to the first result,
peak memory and import time, each in a fresh process.
"""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import machine
from runtime.demo import HEIGHT, WIDTH, Scene, demo_scenes
from runtime.detect import CENTERFACE
from runtime.engines import open_engine, open_network
from runtime.errors import UserError
from runtime.options import option, parse_options, run_command
from runtime.pipeline import Pipeline

PROG = "python -m benchmarks.pipeline"


@dataclass
class Options:
    """Measure the whole pipeline's frame time against one detector pass, and the start."""

    engine: str = option("model: an .onnx file, or default for the shipped one", "default")
    faces: list[int] = option("numbers of faces to measure", [1, 6], between=(1, 6))
    rounds: int = option("rounds, each REF then the pipeline", 7, between=(1, math.inf))
    frames: int = option("frames a round", 90, between=(10, math.inf))
    threads: int = option("threads inside each network", 1)
    output_json: str | None = option("write the figures here", None)


class Loop:
    """A source of frames rendered beforehand, read without loss as fast as the pipeline goes."""

    name, live, fps = "synthetic", False, 30.0

    def __init__(self, frames: Sequence[NDArray[np.uint8]], count: int) -> None:
        self._frames, self._count, self._index = frames, count, 0

    def read(self) -> tuple[NDArray[np.uint8], float, str] | None:
        """See `runtime.sources.Source`."""
        if self._index >= self._count:
            return None
        self._index += 1
        image = self._frames[self._index % len(self._frames)]
        return image, (self._index - 1) / self.fps, ""

    def close(self) -> None:
        """Holds nothing."""


def render(faces: int, count: int) -> list[NDArray[np.uint8]]:
    """Frames with so many copies of the demo's portrait, moving a little.

    Args:
        faces: 1 to 6.
        count: Number of frames.

    Returns:
        (HEIGHT, WIDTH, 3) uint8 BGR pictures.
    """
    portrait = demo_scenes()[0]
    if faces == 1:
        return [portrait.render(i) for i in range(count)]
    # The head of the portrait, in a grid of three by two.
    tile = cv2.resize(portrait.image[20:220, 136:314], (WIDTH // 3, HEIGHT // 2))
    canvas = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    for k in range(faces):
        y, x = divmod(k, 3)
        top, left = y * tile.shape[0], x * tile.shape[1]
        canvas[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    scene = Scene(canvas, (WIDTH / 2, HEIGHT / 2), 0.94, 6.0, count)
    return [scene.render(i) for i in range(count)]


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    options = parse_options(Options, PROG, argv)
    figures = {
        "machine": machine(),
        "pipeline": [measure(options, n) for n in options.faces],
        "start": measure_start(options.engine),
    }
    print(json.dumps(figures, indent=2))
    if options.output_json:
        Path(options.output_json).write_text(json.dumps(figures, indent=2) + "\n")
    return 0


def measure(options: Options, faces: int) -> dict[str, Any]:
    """Frame time of the pipeline and its ratio to REF, as medians over rounds."""
    frames = render(faces, 30)
    reference = open_network(CENTERFACE)
    probe = np.random.default_rng(0).uniform(0, 255, (1, 3, 256, 320)).astype(np.float32)
    engine = open_engine(options.engine, threads=options.threads)
    ref_ms, frame_ms, ratios, seen = [], [], [], []
    for number in range(options.rounds + 1):
        times = []
        for _ in range(20):
            start = time.perf_counter()
            reference.run(probe)
            times.append((time.perf_counter() - start) * 1e3)
        source = Loop(frames, options.frames)
        with Pipeline([source], engine, threads=options.threads) as pipeline:
            count = [len(result.faces) for result in pipeline]
            summary = pipeline.metrics.summary()
        if not number:
            continue  # the first round warms up
        ref_ms.append(statistics.median(times))
        frame_ms.append(1e3 / summary["fps"])
        ratios.append(frame_ms[-1] / ref_ms[-1])
        seen.append(statistics.median(count))
        print(
            f"{faces} faces, round {number}: {frame_ms[-1]:.1f} ms a frame, REF "
            f"{ref_ms[-1]:.1f} ms, ratio {ratios[-1]:.2f}",
            file=sys.stderr,
        )
    return {
        "faces": faces,
        "faces_seen": statistics.median(seen),
        "fps": round(1e3 / statistics.median(frame_ms), 1),
        "frame_ms": round(statistics.median(frame_ms), 2),
        "ref_ms": round(statistics.median(ref_ms), 2),
        "ratio": round(statistics.median(ratios), 3),
        "ratios": [round(r, 2) for r in sorted(ratios)],
    }


def measure_start(engine: str) -> dict[str, Any]:
    """Import time, time to the first result and peak memory, in fresh processes."""
    webcam = ["-m", "runtime.webcam", "--source", "demo", "--headless", "--engine", engine]
    _run(["-c", "import runtime"])  # warms the disk cache
    return {
        "import_s": _median_seconds(["-c", "import runtime"]),
        "bare_python_s": _median_seconds(["-c", "pass"]),
        "first_result_s": _median_seconds([*webcam, "--max_frames", "1"]),
        "peak_memory_mb": _peak_memory_mb(webcam),
    }


def _median_seconds(arguments: Sequence[str]) -> float:
    times = []
    for _ in range(5):
        start = time.perf_counter()
        _run(arguments)
        times.append(time.perf_counter() - start)
    return round(statistics.median(times), 3)


def _peak_memory_mb(arguments: Sequence[str]) -> float:
    """Peak resident memory of a run, in MB; measured in a process without other children."""
    code = (
        "import resource, subprocess, sys; "
        "subprocess.run([sys.executable, *sys.argv[1:]], check=True, stderr=subprocess.DEVNULL); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    return round(int(done.stdout) * 1024 / 1e6, 1)


def _run(arguments: Sequence[str]) -> None:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise UserError(lines[-1].removeprefix("error: ") if lines else "a run failed")


if __name__ == "__main__":
    sys.exit(run_command(main, None))
