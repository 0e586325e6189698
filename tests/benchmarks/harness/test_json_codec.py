"""What `to_json` writes `from_json` reads; what doesn't fit is named by its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.harness.json_codec import ShapeError, absent, from_json, to_json


@dataclass(frozen=True, kw_only=True)
class Good:
    name: str
    score: float


@dataclass(frozen=True, kw_only=True)
class Failed:
    name: str
    error: str


@dataclass(frozen=True, kw_only=True)
class Whole:
    count: int = 1
    ends: tuple[float, float]
    rows: list[Good | Failed]
    rates: dict[str, float | None]
    note: str | None
    extra: Good | None = absent()


good = st.builds(Good, name=st.text(), score=st.floats(allow_nan=False))
failed = st.builds(Failed, name=st.text(), error=st.text())
number = st.floats(allow_nan=False)
whole = st.builds(
    Whole,
    count=st.integers(),
    ends=st.tuples(number, number),
    rows=st.lists(st.one_of(good, failed)),
    rates=st.dictionaries(st.text(), st.one_of(st.none(), number)),
    note=st.one_of(st.none(), st.text()),
    extra=st.one_of(st.none(), good),
)


@given(whole)
def test_what_is_written_is_read(value: Whole) -> None:
    data = to_json(value)
    assert ("extra" in data) == (value.extra is not None)
    assert from_json(Whole, data) == value


SOUND: dict[str, Any] = {"ends": [0, 1], "rows": [], "rates": {}, "note": None}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tea": 1}, "unknown key tea"),
        ({"count": 1.5}, "count must be a whole number, not a number"),
        ({"count": True}, "count must be a whole number, not true or false"),
        ({"note": 3}, "note must be text, not a whole number"),
        ({"ends": [1]}, "ends must be a list of 2"),
        ({"ends": [1, "x"]}, "ends[1] must be a number, not text"),
        ({"rows": {}}, "rows must be a list, not an object"),
        ({"rows": [{"name": "a"}]}, "lacks the key rows[0].score"),
        ({"rows": [{"name": "a", "error": 1}]}, "rows[0].error must be text"),
        ({"rows": [{"name": "a", "score": 1, "tea": 2}]}, "unknown key rows[0].tea"),
        ({"rows": [3]}, "rows[0] must be an object, not a whole number"),
        ({"rates": [1]}, "rates must be an object, not a list"),
        ({"rates": {"a": "x"}}, "rates.a must be a number, not text"),
        ({"extra": {"name": "a"}}, "lacks the key extra.score"),
    ],
)
def test_what_does_not_fit_is_named(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ShapeError) as caught:
        from_json(Whole, {**SOUND, **change})
    assert said in str(caught.value)


@pytest.mark.parametrize("key", list(SOUND))
def test_a_missing_key_is_named(key: str) -> None:
    with pytest.raises(ShapeError, match=f"^lacks the key {key}$"):
        from_json(Whole, {name: value for name, value in SOUND.items() if name != key})


def test_a_key_that_may_be_absent_may_be_null() -> None:
    assert from_json(Whole, {**SOUND, "extra": None}).extra is None


@pytest.mark.parametrize("data", [None, [], "text", 3])
def test_what_is_no_object_is_refused(data: object) -> None:
    with pytest.raises(ShapeError, match="it must be an object"):
        from_json(Whole, data)
