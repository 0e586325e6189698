"""Which frames begin a shot."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from benchmarks.shots import cuts, one_shot
from benchmarks.shots.kinds import MAKERS, videos
from benchmarks.shots.scenes import place, view
from benchmarks.shots.synthetic import SyntheticVideo
from runtime.tracking.shot_change import ShotChange


def begun(video: SyntheticVideo) -> list[int]:
    shots = ShotChange()
    return [i for i, image in enumerate(video.frames) if shots.begins(image, i / video.fps)]


def test_cuts_are_found_at_their_first_frame_and_nothing_else() -> None:
    """As the benchmark measures it, on videos of another seed."""
    found = cut = false = 0
    for video in videos(2, seed=11):
        got = begun(video)
        cut += len(video.cuts)
        found += sum(any(a <= i <= b for i in got) for a, b in video.cuts)
        false += sum(not any(a <= i <= b for a, b in video.cuts) for i in got)
    assert len(MAKERS) > 20
    assert found / cut >= 0.95
    assert false == 0


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("make", [one_shot.flash, one_shot.pan], ids=["flash", "pan"])
def test_flashes_and_pans_are_no_cuts(make, seed: int) -> None:
    assert begun(make(np.random.default_rng(seed))) == []


@pytest.mark.parametrize("seed", range(3))
def test_the_same_person_mirrored_and_darker_is_another_shot(seed: int) -> None:
    video = cuts.same_person(np.random.default_rng(seed))
    assert begun(video) == [start for start, _ in video.cuts]


@pytest.mark.parametrize("every", [2, 3, 5])
def test_frames_may_be_dropped(every: int) -> None:
    video = cuts.other_places(np.random.default_rng(3))
    shots = ShotChange()
    got = [
        i
        for i, image in enumerate(video.frames)
        if i % every == 0 and shots.begins(image, i / video.fps)
    ]
    assert got == [-(-start // every) * every for start, _ in video.cuts]


def test_any_size_and_shape() -> None:
    for size in ((1, 1), (3, 2000), (2000, 3), (2160, 3840)):
        shots = ShotChange()
        image = np.random.default_rng(0).integers(0, 255, (*size, 3)).astype(np.uint8)
        assert not shots.begins(image, 0.0)
        assert not shots.begins(image, 0.04)


def test_another_size_of_the_same_scene_is_no_cut() -> None:
    image, shots = view(place(1)), ShotChange()
    assert not shots.begins(image, 0.0)
    assert not shots.begins(cv2.resize(image, (1280, 960)), 0.04)
    assert not shots.begins(cv2.resize(image, (176, 144)), 0.08)


def test_a_picture_that_shows_nothing_begins_nothing() -> None:
    image, shots = view(place(1)), ShotChange()
    black, other = np.zeros_like(image), view(place(2))
    shown = [image, black, black, image, black, other, other]
    assert [shots.begins(picture, i / 25) for i, picture in enumerate(shown)] == [
        *(False, False, False, False, False, True, False)
    ]
