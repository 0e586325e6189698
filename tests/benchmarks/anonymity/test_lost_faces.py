"""Synthetic videos are the same in every run, and say where their faces are."""

from __future__ import annotations

import pytest

from benchmarks.anonymity import lost_faces


@pytest.mark.parametrize("name", list(lost_faces.VIDEOS))
def test_synthetic_videos_are_the_same_in_every_run(name: str) -> None:
    pictures = [next(lost_faces.frames(name)) for _ in range(2)]
    assert (pictures[0][0] == pictures[1][0]).all()
    assert all(mask.shape == (480, 640) for mask in pictures[0][1])
