"""A Python adapter's end of the protocol: requests on standard input, JSON lines on its output.

Needs numpy and nothing else: it runs in the peers' environments.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np


class Adapter:
    """How a peer is used.

    Attributes:
        labels: Every label it may give, by its own names.
        versions: Version by package.
        backend: What computes, for the report.
    """

    labels: tuple[str, ...] = ()
    versions: dict[str, str]
    backend: str = ""

    def prepare(self, image: Any) -> Any:
        """The (H, W, 3) uint8 BGR picture as the peer takes it; not timed."""
        return image

    def frame(self, image: Any) -> list[str]:
        """Labels of the faces that it finds."""
        raise NotImplementedError

    def face(self, image: Any) -> str | None:
        """The label of a cropped face; None where the peer finds no face in it."""
        raise NotImplementedError

    def run(self, read: Callable[[int], Any], count: int) -> Iterator[tuple[float, list[str]]]:
        """Seconds and labels of each of the frames."""
        for index in range(count):
            image = self.prepare(read(index))
            start = time.perf_counter()
            labels = self.frame(image)
            yield time.perf_counter() - start, labels


def versions(*packages: str) -> dict[str, str]:
    """The installed versions."""
    return {name: importlib.metadata.version(name) for name in packages}


def best(scores: dict[str, float]) -> str:
    """The label with the highest score."""
    return max(scores, key=lambda name: scores[name])


def serve(open_adapter: Callable[[], Adapter]) -> None:
    """Answers until standard input ends.

    The command line's first argument is the folder with `material.json`.
    """
    # What the libraries print must not come between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    folder = Path(sys.argv[1])
    material = json.loads((folder / "material.json").read_text())

    def reader(clip: dict[str, Any]) -> Callable[[int], Any]:
        shape = (clip["height"], clip["width"], 3)
        size = shape[0] * shape[1] * 3

        def read(index: int) -> Any:
            # One at a time: the whole clip would count as the peer's memory.
            return np.fromfile(folder / clip["file"], np.uint8, size, offset=index * size).reshape(
                shape
            )

        return read

    def answer(content: dict[str, Any]) -> None:
        answers.write(json.dumps(content) + "\n")
        answers.flush()

    adapter = open_adapter()
    answer(
        {
            "ready": True,
            "labels": list(adapter.labels),
            "versions": adapter.versions,
            "backend": adapter.backend,
            "frames": type(adapter).frame is not Adapter.frame
            or type(adapter).run is not Adapter.run,
        }
    )
    for line in sys.stdin:
        request = json.loads(line)
        end = time.perf_counter() + request["limit_s"]
        if request["do"] == "frames":
            clip = material["clips"][request["clip"]]
            rows = adapter.run(reader(clip), request["count"])
            for index, (seconds, labels) in enumerate(rows):
                answer({"index": index, "ms": seconds * 1e3, "labels": labels})
                if time.perf_counter() > end:
                    break
        else:
            read = reader(material["faces"])
            for index in range(request["first"], request["first"] + request["count"]):
                image = adapter.prepare(read(index))
                start = time.perf_counter()
                label = adapter.face(image)
                answer(
                    {
                        "index": index,
                        "ms": (time.perf_counter() - start) * 1e3,
                        "labels": [] if label is None else [label],
                    }
                )
                if time.perf_counter() > end:
                    break
        answer({"done": True})
