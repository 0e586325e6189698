"""What counts as worse, what noise hides, and which figures belong together."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.harness.results import read_report
from benchmarks.harness.schema.accuracy import AccuracyReport, AccuracyRow
from benchmarks.harness.schema.common import ArtifactRecord
from benchmarks.harness.schema.engine import EngineReport, EngineRow
from benchmarks.regression.compared_figures import ComparedFigure
from benchmarks.regression.comparison import change, check, compare
from runtime.errors import UserError
from tests.conftest import REPO

RESULTS = REPO / "benchmarks" / "results"

_FOUND = read_report(RESULTS / "engine_cpu.json")
assert isinstance(_FOUND, EngineReport)
REPORT: EngineReport = _FOUND


def _sample(scale: float, seed: int, spread: float = 0.1) -> list[float]:
    return list(scale * np.random.default_rng(seed).lognormal(0, spread, 50))


def _verdict(old: ComparedFigure, new: ComparedFigure) -> str:
    found = change(old, new)
    assert found is not None
    return found.verdict


@pytest.mark.parametrize(
    ("scale", "verdict"), [(1.0, "same"), (1.03, "same"), (1.3, "worse"), (0.7, "better")]
)
def test_times(scale: float, verdict: str) -> None:
    assert (
        _verdict(
            ComparedFigure("x", "t", _sample(1, 0)), ComparedFigure("x", "t", _sample(scale, 1))
        )
        == verdict
    )


def test_more_may_be_better() -> None:
    old, new = (
        ComparedFigure("x", "rate", _sample(s, i), lower=False) for i, s in enumerate((1, 1.3))
    )
    assert _verdict(old, new) == "better"
    assert _verdict(new, old) == "worse"


def test_noise_is_no_regression() -> None:
    """Two samples of one distribution: fewer than one in twenty is called worse or better."""
    pairs = [[ComparedFigure("x", "t", _sample(1, 2 * i + k)) for k in (0, 1)] for i in range(100)]
    assert sum(_verdict(*pair) != "same" for pair in pairs) <= 5


def _hits(right: np.ndarray, items: str | None) -> ComparedFigure:
    return ComparedFigure("d", "accuracy", right.astype(int).tolist(), "share", False, 0.005, items)


def test_the_same_faces_are_compared_in_pairs() -> None:
    """20 of 1,000 lost is seen on the same faces, and lost in the noise of others."""
    before = np.arange(1000) < 800
    after = before & (np.arange(1000) >= 20)
    paired = change(_hits(before, "a"), _hits(after, "a"))
    assert paired is not None
    assert paired.paired
    assert paired.verdict == "worse"
    assert str(paired).startswith("worse   d, accuracy: -0.02 (")
    assert str(paired).endswith(", in pairs")
    for items in ("b", None):
        other = change(_hits(before, items), _hits(after, "a"))
        assert other is not None
        assert not other.paired
        assert other.verdict == "same"


def test_what_is_missing_on_one_side_is_no_pair() -> None:
    old = ComparedFigure("s", "delay", [100, math.nan, 120, 140, 110], "difference", items="a")
    new = ComparedFigure("s", "delay", [150, 900, math.nan, 190, 160], "difference", items="a")
    found = change(old, new)
    assert found is not None
    assert found.by.value == pytest.approx(50)
    assert (
        change(old, ComparedFigure("s", "delay", [1.0, math.nan, math.nan], "difference")) is None
    )


def _row(engine: str, sha: str | None, scale: float, batch: int = 1) -> EngineRow:
    row = replace(REPORT.engines[0], engine=engine, sha256=sha, batch=batch)
    return replace(row, ref_ratios=_sample(scale, batch))


def _report(*rows: EngineRow) -> EngineReport:
    return replace(REPORT, engines=list(rows))


def _changes(old: list[EngineRow], new: list[EngineRow]) -> list[tuple[str | None, float]]:
    found = compare(_report(*old), _report(*new), "old")
    return [
        (one.figure.artifact.sha256, round(one.by.value, 3)) for one in found if one.figure.artifact
    ]


def test_a_model_is_known_by_its_file_wherever_it_lies() -> None:
    old = [_row("m.onnx", "1", 1), _row("m.onnx", "2", 2)]
    new = [_row("m.onnx", "2", 2), _row("other.onnx", "1", 1)]
    assert sorted(_changes(old, new)) == [("1", 1.0), ("2", 1.0)]


def test_a_changed_file_is_known_by_its_name_and_said_to_be_another() -> None:
    (found,) = compare(_report(_row("m.onnx", "1", 1)), _report(_row("m.onnx", "2", 2)), "o")
    assert found.other_file
    assert str(found).startswith("worse   m.onnx, batch 1, time / REF: 2.000 times the old (")


def test_a_name_of_several_changed_files_tells_nothing() -> None:
    old = [_row("m.onnx", "1", 1), _row("m.onnx", "2", 2)]
    assert _changes(old, [_row("m.onnx", "2", 2), _row("m.onnx", "3", 1)]) == [
        ("2", 1.0),
        ("3", 1.0),
    ]
    with pytest.raises(UserError, match="no figure in common"):
        _changes(old, [_row("m.onnx", "3", 1), _row("m.onnx", "4", 2)])


def test_rows_of_other_batches_are_not_compared() -> None:
    both = [_row("m", "1", 1, 1), _row("m", "1", 1, 8)]
    assert len(_changes(both, both)) == 2
    assert len(_changes(both, both[1:])) == 1


def _old(*rows: EngineRow, **settings: object) -> EngineReport:
    return replace(_report(*rows), settings={"threads": 1, "batches": ["1", "8"], **settings})


ROW = _row("m.onnx", "1", 1)


@pytest.mark.parametrize(
    ("settings", "engine", "old", "message"),
    [
        ({"threads": 2}, "m.onnx", _old(ROW), "measured with --threads 1, now with --threads 2"),
        ({"threads": None}, "m.onnx", _old(ROW), "with --threads 1, now without --threads"),
        ({"batches": ["4"]}, "m.onnx", _old(ROW), "measured with --batches 1, 8, none of 4"),
        ({"provider": "cpu"}, "m.onnx", _old(ROW), "doesn't say its --provider"),
        ({}, "n.onnx", _old(ROW), "measured m.onnx, none of this run's models"),
        ({}, "m.onnx", _old(), "holds no sample of 3 or more values"),
        ({"batches": ["1"]}, "m.onnx", _old(ROW, batches=3), "none of 1"),
    ],
)
def test_what_cannot_be_compared_is_refused_beforehand(
    settings: dict[str, object], engine: str, old: EngineReport, message: str
) -> None:
    model = ArtifactRecord(engine=engine, sha256=None, megabytes=None)
    with pytest.raises(UserError, match=message) as caught:
        check(old, settings, [model], "old.json")
    assert str(caught.value).startswith("--compare old.json: ")


def test_a_sample_that_is_none_is_refused() -> None:
    report = read_report(RESULTS / "accuracy.json")
    assert isinstance(report, AccuracyReport)
    (first, *_) = report.rows
    assert isinstance(first, AccuracyRow)
    broken = replace(first, samples=replace(first.samples, right="1x1"))
    with pytest.raises(UserError, match="old.json: holds a sample that is none"):
        check(replace(report, rows=[broken]), {}, [], "old.json")


def test_what_can_be_compared_is_let_pass() -> None:
    model = ArtifactRecord(engine="other", sha256="1", megabytes=None)
    check(_old(ROW), {"threads": 1, "batches": ["8", "16"]}, [model], "old.json")
