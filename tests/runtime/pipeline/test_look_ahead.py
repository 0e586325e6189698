"""Results that are held back, and the regions that they gain."""

from __future__ import annotations

import time

import numpy as np
import pytest

from runtime import Pipeline
from runtime.errors import StageError
from runtime.messages import FrameResult
from runtime.pipeline import look_ahead
from runtime.pipeline.look_ahead import LookAhead
from tests.support.fakes import Brain, Finder, Pictures

FPS = 8.0


def _result(index: int, name: str = "", side: int = 100) -> FrameResult:
    image = np.zeros((side, 2 * side, 3), np.uint8)
    return FrameResult(0, index, index / FPS, image, (), 1.0, name)


def _box(x: float) -> tuple[float, float, float, float]:
    return x, 20.0, x + 20.0, 40.0


def _run(held: LookAhead, places: dict[int, float], count: int) -> list[FrameResult]:
    out = []
    for i in range(count):
        out += held.add(_result(i), ((1, _box(places[i])),) if i in places else ())
    return [*out, *held.flush()]


def test_all_results_come_in_order_a_second_later() -> None:
    held = LookAhead(1.0)
    assert [len(held.add(_result(i), ())) for i in range(15)] == [0] * 8 + [1] * 7
    assert [result.frame for result in held.flush()] == list(range(7, 15))
    assert held.flush() == []


def test_a_new_face_is_hidden_where_it_came_from() -> None:
    out = _run(LookAhead(1.0), {i: 5.0 * i for i in range(20, 31)}, 31)
    # A second before, its speed isn't known yet.
    assert out[12].regions == (_box(100.0),)
    for i in range(13, 20):
        reached = [box[0] for box in out[i].regions]
        assert min(reached) == pytest.approx(5.0 * i, abs=6), i
        assert max(reached) == pytest.approx(100.0)
        assert max(np.diff(sorted(reached)), default=0) <= 10, "no gap on the way"
    assert not any(result.regions for result in out[:12])
    assert not any(result.regions for result in out[20:]), "what is seen has its own region"


def test_a_face_that_was_lost_is_hidden_between() -> None:
    places = dict.fromkeys(range(5), 10.0) | dict.fromkeys(range(9, 15), 90.0)
    out = _run(LookAhead(1.0), places, 15)
    for i in range(5, 9):
        x = 10 + 80 * (i - 4) / 5
        assert any(abs(box[0] - x) < 6 for box in out[i].regions), i
        assert any(abs(box[0] - 90) < 1e-6 for box in out[i].regions), i


def test_another_size_is_another_scale() -> None:
    held = LookAhead(1.0)
    held.add(_result(0, side=100), ())
    held.add(_result(1, side=200), ((1, _box(100.0)),))
    first, _ = held.flush()
    assert first.regions == ((50.0, 10.0, 60.0, 20.0),)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look_ahead, "_BYTES", 4 * 100 * 200 * 3)
    held, out = LookAhead(1.0), []
    for i in range(10):
        out += held.add(_result(i), ())
        assert i + 1 - len(out) <= 4
    assert [result.frame for result in (*out, *held.flush())] == list(range(10))


def test_one_frame_larger_than_the_memory_is_held_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look_ahead, "_BYTES", 10)
    held = LookAhead(1.0)
    assert [len(held.add(_result(i), ())) for i in range(3)] == [0, 1, 1]


def test_pictures_and_time_that_goes_back_are_not_held() -> None:
    held = LookAhead(1.0)
    held.add(_result(5), ((1, _box(0.0)),))
    assert [r.frame for r in held.add(_result(2), ((1, _box(50.0)),))] == [5]
    ready = held.add(_result(3, "a.png"), ((1, _box(90.0)),))
    assert [r.frame for r in ready] == [2, 3]
    assert not any(r.regions for r in ready)


def _results(count: int, **keywords: object) -> list[FrameResult]:
    sources = keywords.pop("sources", None) or [Pictures(count)]
    pipeline = Pipeline(sources, Brain(), Finder(), temporal_head="none", **keywords)  # type: ignore[arg-type]
    with pipeline:
        return list(pipeline)


def test_only_the_time_at_which_results_come_changes() -> None:
    plain, held = (_results(60, look_ahead_s=s) for s in (0.0, 1.0))
    assert len(held) == 60
    for a, b in zip(plain, held, strict=True):
        of_run = {"latency_ms": 0, "at": ""}
        assert {**a.to_dict(), **of_run} == {**b.to_dict(), **of_run}
        assert b.latency_ms < 900, "to the result, not to its release"


def test_max_frames_gives_as_many() -> None:
    assert [r.frame for r in _results(60, look_ahead_s=1.0, max_frames=7)] == list(range(7))


def test_a_live_source_is_not_held_back() -> None:
    source = Pictures(20, live=True, pace=0.01)
    pipeline = Pipeline([source], Brain(), Finder(), temporal_head="none", look_ahead_s=30.0)
    with pipeline:
        for result in pipeline:
            assert source.index - result.frame < 10


@pytest.mark.parametrize("fails", ["source", "detector", "engine"])
def test_what_is_held_back_comes_out_before_an_error(fails: str) -> None:
    source = Pictures(60, fail_at=20 if fails == "source" else None)
    keywords = {"temporal_head": "none", "detect_interval_s": None, "look_ahead_s": 1.0}
    finder = Finder(fail_at=20 if fails == "detector" else None)
    brain = Brain(fail_at=20 if fails == "engine" else None)
    frames = []
    with (
        pytest.raises(StageError),
        Pipeline([source], brain, finder, **keywords) as pipeline,  # type: ignore[arg-type]
    ):
        for result in pipeline:
            frames.append(result.frame)
    assert frames == list(range(20))


def test_a_stop_flushes() -> None:
    source = Pictures(10_000, pace=0.002)
    frames = []
    with Pipeline([source], Brain(), Finder(), temporal_head="none", look_ahead_s=1.0) as pipeline:
        for result in pipeline:
            frames.append(result.frame)
            if len(frames) == 5:
                pipeline.stop()
    assert frames == list(range(len(frames)))
    assert len(frames) >= 5 + 24, "a second's frames were on their way"


def test_a_file_that_ends_waits_for_no_other_source() -> None:
    short, long = Pictures(10), Pictures(400, live=True, pace=0.01)
    with Pipeline(
        [short, long], Brain(), Finder(), temporal_head="none", look_ahead_s=1.0
    ) as pipeline:
        start, got = time.monotonic(), []
        for result in pipeline:
            got += [result.frame] if result.stream == 0 else []
            if len(got) == 10 or time.monotonic() - start > 30:
                break
    assert got == list(range(10))
    assert long.index < 400


def test_what_is_kept_of_faces_is_bounded() -> None:
    """Hundreds of "faces" a frame, none of which is seen twice."""
    held, key = LookAhead(1.0), 0
    for i in range(60):
        sightings = tuple((key + n, _box(float(n))) for n in range(300))
        key += 300
        for result in held.add(_result(i), sightings):
            assert result.regions == ((0.0, 0.0, 200.0, 100.0),)
    assert len(held._last) <= 300 * (2.5 * FPS + 1)
