"""What counts as slower, and what noise hides."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.compare import change, compare, read_report
from runtime.errors import UserError


def _sample(scale: float, seed: int, spread: float = 0.1) -> list[float]:
    return list(scale * np.random.default_rng(seed).lognormal(0, spread, 50))


@pytest.mark.parametrize(
    ("scale", "verdict"), [(1.0, "same"), (1.03, "same"), (1.3, "slower"), (0.7, "faster")]
)
def test_verdicts(scale: float, verdict: str) -> None:
    assert change("x", _sample(1, 0), _sample(scale, 1)).verdict == verdict


def test_noise_is_no_regression() -> None:
    """Two samples of one distribution: fewer than one in twenty is called slower or faster."""
    calls = [change("x", _sample(1, 2 * i), _sample(1, 2 * i + 1)).verdict for i in range(100)]
    assert sum(call != "same" for call in calls) <= 5


@given(st.lists(st.floats(0.1, 10), min_size=3, max_size=30), st.floats(0.2, 5))
def test_the_interval_holds_the_ratio(sample: list[float], scale: float) -> None:
    found = change("x", sample, [scale * v for v in sample])
    assert found.ratio == pytest.approx(scale)
    assert found.low <= found.ratio * (1 + 1e-9)
    assert found.high >= found.ratio * (1 - 1e-9)


def _report(ratios: list[float], engine: str = "a.onnx") -> dict[str, object]:
    return {"engines": [{"engine": engine, "batch": 1, "ref_ratios": ratios}]}


def test_rows_are_matched_by_engine_and_batch() -> None:
    (only,) = compare(_report(_sample(1, 0)), _report(_sample(2, 1)), "old")
    assert only.verdict == "slower"
    assert str(only).startswith("slower  a.onnx at batch 1: ")
    with pytest.raises(UserError, match="no engine and batch size in common"):
        compare(_report([1, 1, 1]), _report([1, 1, 1], "b.onnx"), "old")


def test_other_threads_are_no_comparison() -> None:
    old, new = ({**_report([1, 1, 1]), "threads": n} for n in (1, 2))
    with pytest.raises(UserError, match="measured with --threads 1, not 2"):
        compare(old, new, "old")


@pytest.mark.parametrize("text", ["", "[]", '{"engines": 3}', '{"engines": [{"engine": "a"}]}'])
def test_no_report_is_one_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    path.write_text(text)
    with pytest.raises(UserError, match=r"--compare .*report"):
        compare(read_report(path), json.loads(json.dumps(_report([1, 1, 1]))), str(path))
    with pytest.raises(UserError, match="can't be read"):
        read_report(tmp_path / "none.json")
