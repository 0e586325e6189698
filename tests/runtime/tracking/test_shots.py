"""Numbers of shots: by what is seen, by pictures' names, losses and time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from runtime.messages import Frame
from runtime.tracking.shots import Shots
from runtime.vision.picture import Picture


def frame(seed: int, time_s: float, name: str = "") -> Frame:
    """A frame of coloured patches, each scene's own."""
    patches = np.random.default_rng(seed).integers(0, 255, (6, 8, 3)).astype(np.uint8)
    image = np.ascontiguousarray(patches.repeat(20, axis=0).repeat(20, axis=1))
    return Frame(Picture(image), time_s, name=name)


def test_a_cut_begins_a_shot() -> None:
    shots = Shots()
    numbers = [shots.number(frame(0 if i < 10 else 1, i / 25)) for i in range(20)]
    assert numbers == [0] * 10 + [1] * 10


def test_so_do_another_picture_a_loss_and_time_that_goes_back() -> None:
    shots = Shots()
    given = [
        frame(0, 0.0, "a.png"),
        frame(0, 0.1, "a.png"),
        frame(0, 2.0, "b.png"),
        frame(0, 4.0),
        frame(0, 3.0),
        replace(frame(0, 5.0), reconnects=1),
        replace(frame(0, 5.1), reconnects=1),
        replace(frame(0, 5.2), reconnects=3),
    ]
    assert [shots.number(one) for one in given] == [0, 0, 1, 2, 3, 4, 4, 5]
