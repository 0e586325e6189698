"""Sequences made of still faces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.errors import UserError
from runtime.manifest import EMOTIONS
from train.datasets.faces import FaceSet, single_labels
from train.temporal.sequences import (
    DEGRADATIONS,
    Degradation,
    SequenceOptions,
    make_sequence,
    show_face,
)


def _faces(count: int = 6, labels: int = 2) -> FaceSet:
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (48, 48)).astype(np.uint8) for _ in range(count)]
    return single_labels("made", EMOTIONS[:2], images, [i % labels for i in range(count)])


def test_a_shown_face_moves_and_stays_the_face() -> None:
    rng = np.random.default_rng(0)
    face = np.zeros((48, 48), np.uint8)
    face[16:32, 16:32] = 200
    frames = show_face(face, np.arange(60) / 15, 5, rng)
    assert {f.shape for f in frames} == {(48, 48)}
    assert len({f.tobytes() for f in frames}) == 60
    assert abs(np.mean(frames, 0) - face)[20:28, 20:28].mean() < 40


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000))
def test_a_sequence_is_what_it_says(seed: int) -> None:
    faces, options = _faces(), SequenceOptions(seconds=0.8, degradations=2)
    made = make_sequence(faces, options, np.random.default_rng(seed))
    again = make_sequence(faces, options, np.random.default_rng(seed))
    count = len(made.frames)
    assert all((a == b).all() for a, b in zip(made.frames, again.frames, strict=True))
    assert made.times.shape == made.faces.shape == made.degraded.shape == (count,)
    assert made.times[0] == 0
    steps = np.diff(made.times)
    assert (steps >= 0.7 / 20 - 1e-9).all()
    assert (steps <= 3.3 / 6 + 1e-9).all()
    truth = faces.majority[made.faces]
    assert len(set(truth[: made.change])) == 1
    if made.change < count:
        assert len(set(truth[made.change :])) == 1
        assert truth[0] != truth[-1]


def test_even_times_without_jitter_and_no_degradation_where_none_is_asked() -> None:
    options = SequenceOptions(seconds=1, fps=(10, 10), jitter=0, lost=0, change=1, degradations=0)
    made = make_sequence(_faces(), options, np.random.default_rng(0))
    assert np.allclose(made.times, np.arange(20) / 10)
    assert made.change == 10
    assert not made.degraded.any()


@pytest.mark.parametrize("kind", DEGRADATIONS)
def test_a_degradation_comes_and_goes(kind: str) -> None:
    degradation, rng = Degradation(kind, 1.0, 2.0, 1.0, 7), np.random.default_rng(0)
    face = _faces().images[0]
    levels = [degradation.level(t) for t in np.linspace(0.5, 2.5, 21)]
    assert levels[0] == levels[-1] == 0
    assert max(levels) == 5
    assert levels == levels[::-1]
    assert (degradation.apply(face, 0.9, rng) == face).all()
    damage = [
        np.abs(degradation.apply(face, t, rng) - face.astype(float)).mean() for t in (1.1, 1.5)
    ]
    assert 0 < damage[0] < damage[1]


def test_what_hides_a_face_stays_in_its_place() -> None:
    degradation = Degradation("occlusion", 0.0, 1.0, 1.0, 3)
    face, rng = _faces().images[0], np.random.default_rng(0)
    small, large = (degradation.apply(face, t, rng) != face for t in (0.1, 0.5))
    assert large[small].mean() > 0.9


def test_one_label_makes_no_sequences() -> None:
    with pytest.raises(UserError, match="two labels"):
        make_sequence(_faces(labels=1), SequenceOptions(), np.random.default_rng(0))
