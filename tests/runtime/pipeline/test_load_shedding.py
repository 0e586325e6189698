"""Work is shed in order while results take too long, and taken up again with ease."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.pipeline.load_shedding import LEVELS, LoadShedding


class _Machine:
    """Frames, at 30 Hz usually, whose latency follows from the level."""

    def __init__(
        self,
        target_ms: float | None,
        latency: Callable[[int], float],
        fps: float = 30,
        faces: int = 24,
        sheds_detections: bool = True,
    ) -> None:
        self.now = 0.0
        self.fps = fps
        self.faces = faces
        self.latency = latency
        self.shedding = LoadShedding(target_ms, lambda: self.now, sheds_detections)
        self.levels: list[int] = []

    def run(self, seconds: float) -> int:
        """Level at the end."""
        for _ in range(round(seconds * self.fps)):
            self.now += 1 / self.fps
            self.shedding.observe(self.latency(self.level), self.faces)
            self.levels.append(self.level)
        return self.level

    @property
    def level(self) -> int:
        return LEVELS.index(self.shedding.level)


def test_every_step_sheds_more_and_in_order() -> None:
    for before, after in pairwise(LEVELS):
        assert before != after
        assert after.detect_every >= before.detect_every
        assert (after.faces or 99) <= (before.faces or 99)
        assert after.detect_scale <= before.detect_scale
    orders = [e.detect_scale < 1 for e in LEVELS]
    assert orders == sorted(orders), "the detector's size comes last"


def test_without_a_target_nothing_is_shed() -> None:
    assert _Machine(None, lambda level: 1e6).run(30) == 0


def test_finds_the_least_that_keeps_the_target() -> None:
    machine = _Machine(50, lambda level: 100 - 12 * level)
    assert machine.run(30) == 5
    assert machine.levels == sorted(machine.levels), "one step at a time, none back"
    assert machine.shedding.figures()["deepest"] == 5


def _steps(machine: _Machine, seconds: float) -> list[int]:
    """The levels that it went through."""
    machine.levels.clear()
    machine.run(seconds)
    return [level for level, _ in groupby(machine.levels)]


@pytest.mark.parametrize(
    ("faces", "down"), [(24, list(range(9))), (3, [0, 1, 2, 5, 6, 7, 8]), (1, [0, 1, 2, 7, 8])]
)
def test_steps_that_would_shed_nothing_are_passed_over(faces: int, down: list[int]) -> None:
    machine = _Machine(50, lambda level: 1000, faces=faces)
    assert _steps(machine, 60) == down
    machine.latency = lambda level: 10
    up = _steps(machine, 300)
    works = [machine.shedding._work(level) for level in up]
    assert up == sorted(up, reverse=True)
    assert all(before != after for before, after in pairwise(works))
    assert up[-1] == 0


def test_looks_at_every_frame_cant_be_shed() -> None:
    machine = _Machine(50, lambda level: 1000, sheds_detections=False)
    assert _steps(machine, 60) == [0, *range(3, 7)], "nor shrunk"


def test_ends_at_the_last_step_when_nothing_helps() -> None:
    machine = _Machine(50, lambda level: 1000)
    assert machine.run(60) == len(LEVELS) - 1


def test_takes_the_work_up_again_when_the_load_is_gone() -> None:
    machine = _Machine(50, lambda level: 100 - 12 * level)
    machine.run(20)
    machine.latency = lambda level: 10
    assert machine.run(120) == 0


def test_probes_less_and_less_often_at_a_cliff() -> None:
    """Level 3 is easy and level 2 too slow: each try makes results too slow."""
    machine = _Machine(50, lambda level: 20 if level >= 3 else 200)
    machine.run(60)
    early = machine.shedding.figures()["changes"]
    machine.run(240)
    late = machine.shedding.figures()["changes"] - early
    assert late <= 14, "once a minute at most, down and up"
    assert sum(level < 3 for level in machine.levels[-7200:]) < 0.04 * 7200


def test_one_late_frame_in_a_hundred_is_no_strain() -> None:
    machine = _Machine(50, lambda level: 20)
    for _ in range(60):
        machine.run(3.4)
        machine.shedding.observe(500, 24)
    assert machine.shedding.figures()["deepest"] == 0


def test_a_slow_machine_sheds_too() -> None:
    machine = _Machine(50, lambda level: 900, fps=2)
    assert machine.run(60) == len(LEVELS) - 1


def test_failed_tries_don_t_slow_a_later_recovery_for_good() -> None:
    machine = _Machine(50, lambda level: 20 if level >= 7 else 200)
    machine.run(300)
    machine.latency = lambda level: 10
    assert machine.run(200) == 0, "seven steps a minute each before"


@given(st.lists(st.floats(0, 1e5), max_size=200), st.floats(1, 1000))
def test_stays_on_the_ladder(latencies: list[float], target: float) -> None:
    machine = _Machine(target, lambda level: 0)
    for value in latencies:
        machine.now += 0.5
        machine.shedding.observe(value, 24)
        assert machine.shedding.level in LEVELS


def test_frames_on_their_way_at_a_step_don_t_ask_for_another() -> None:
    machine = _Machine(50, lambda level: 0)
    captured = [0] * 4  # the level that each frame on its way began with
    for _ in range(300):
        machine.now += 1 / 30
        machine.shedding.observe(20 if captured.pop(0) >= 3 else 4000 / 30, 24)
        captured.append(machine.level)
        if machine.level == 3 and len(machine.levels) > 60:
            break
        machine.levels.append(machine.level)
    assert machine.shedding.figures()["deepest"] == 3
