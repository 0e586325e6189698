"""What counts as worse, what noise hides, and which figures belong together."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from benchmarks.regression.compared import Metric
from benchmarks.regression.comparison import change, check, compare
from runtime.errors import UserError


def _sample(scale: float, seed: int, spread: float = 0.1) -> list[float]:
    return list(scale * np.random.default_rng(seed).lognormal(0, spread, 50))


def _verdict(old: Metric, new: Metric) -> str:
    found = change(old, new)
    assert found is not None
    return found.verdict


@pytest.mark.parametrize(
    ("scale", "verdict"), [(1.0, "same"), (1.03, "same"), (1.3, "worse"), (0.7, "better")]
)
def test_times(scale: float, verdict: str) -> None:
    assert _verdict(Metric("x", "t", _sample(1, 0)), Metric("x", "t", _sample(scale, 1))) == verdict


def test_more_may_be_better() -> None:
    old, new = (Metric("x", "rate", _sample(s, i), lower=False) for i, s in enumerate((1, 1.3)))
    assert _verdict(old, new) == "better"
    assert _verdict(new, old) == "worse"


def test_noise_is_no_regression() -> None:
    """Two samples of one distribution: fewer than one in twenty is called worse or better."""
    pairs = [[Metric("x", "t", _sample(1, 2 * i + k)) for k in (0, 1)] for i in range(100)]
    assert sum(_verdict(*pair) != "same" for pair in pairs) <= 5


def _hits(right: np.ndarray, items: str | None) -> Metric:
    return Metric("d", "accuracy", right.astype(int).tolist(), "share", False, 0.005, items)


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
    old = Metric("s", "delay", [100, math.nan, 120, 140, 110], "difference", items="a")
    new = Metric("s", "delay", [150, 900, math.nan, 190, 160], "difference", items="a")
    found = change(old, new)
    assert found is not None
    assert found.by.value == pytest.approx(50)
    assert change(old, Metric("s", "delay", [1.0, math.nan, math.nan], "difference")) is None


def _row(engine: str, sha: str | None, scale: float, batch: int = 1) -> dict[str, Any]:
    return {"engine": engine, "sha256": sha, "batch": batch, "ref_ratios": _sample(scale, batch)}


def _changes(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[tuple[str, float]]:
    found = compare({"engines": old}, {"engines": new}, "engine", "old")
    return [(one.metric.artifact["sha256"], round(one.by.value, 3)) for one in found]


def test_a_model_is_known_by_its_file_wherever_it_lies() -> None:
    old = [_row("m.onnx", "1", 1), _row("m.onnx", "2", 2)]
    new = [_row("m.onnx", "2", 2), _row("other.onnx", "1", 1)]
    assert sorted(_changes(old, new)) == [("1", 1.0), ("2", 1.0)]


def test_a_changed_file_is_known_by_its_name_and_said_to_be_another() -> None:
    (found,) = compare(
        {"engines": [_row("m.onnx", "1", 1)]}, {"engines": [_row("m.onnx", "2", 2)]}, "engine", "o"
    )
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


OLD = {"settings": {"threads": 1, "batches": ["1", "8"]}, "engines": [_row("m.onnx", "1", 1)]}


@pytest.mark.parametrize(
    ("settings", "engine", "old", "message"),
    [
        ({"threads": 2}, "m.onnx", OLD, "measured with --threads 1, now with --threads 2"),
        ({"threads": None}, "m.onnx", OLD, "measured with --threads 1, now without --threads"),
        ({"batches": ["4"]}, "m.onnx", OLD, "measured with --batches 1, 8, none of 4"),
        ({"provider": "cpu"}, "m.onnx", OLD, "doesn't say its --provider"),
        ({}, "n.onnx", OLD, "measured m.onnx, none of this run's models"),
        ({}, "m.onnx", {"engines": []}, "holds no sample of 3 or more values"),
        ({}, "m.onnx", {"engines": 3}, "not as this version of benchmarks.engine writes it"),
        ({}, "m.onnx", {"engines": [{"engine": "a"}]}, "not as this version of benchmarks.engine"),
        ({}, "a", {"engines": [{**_row("a", None, 1), "ref_ratios": "abc"}]}, "ValueError"),
        ({"batches": ["1"]}, "m.onnx", {**OLD, "settings": {"batches": 3}}, "none of 1"),
        ({"threads": 1}, "m.onnx", {**OLD, "settings": 3}, "doesn't say its --threads"),
    ],
)
def test_what_cannot_be_compared_is_refused_beforehand(
    settings: dict[str, Any], engine: str, old: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message) as caught:
        check(old, "engine", settings, [{"engine": engine, "sha256": None}], "old.json")
    assert str(caught.value).startswith("--compare old.json: ")


def test_what_can_be_compared_is_let_pass() -> None:
    settings = {"threads": 1, "batches": ["8", "16"]}
    check(OLD, "engine", settings, [{"engine": "other", "sha256": "1"}], "old.json")
    top = {"threads": 1, "engines": OLD["engines"]}  # as older versions wrote it
    check(top, "engine", settings, [{"engine": "m.onnx", "sha256": "2"}], "old.json")
