"""Every committed result is read by its schema, and would be written as it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks.harness.json_codec import ShapeError, from_json, to_json
from benchmarks.harness.schema.kinds import REPORTS
from tests.conftest import REPO

#: The ablation's is `train.ablation`'s.
FILES = [
    path
    for path in sorted((REPO / "benchmarks" / "results").glob("*.json"))
    if path.stem != "ablation"
]


def _paths(data: Any, at: str = "") -> list[str]:
    """Paths of all keys, the first item standing for a list."""
    if isinstance(data, dict):
        inner = [path for key, part in data.items() for path in _paths(part, f"{at}.{key}")]
        return [*(f"{at}.{key}" for key in data), *inner]
    return _paths(data[0], f"{at}.0") if isinstance(data, list) and data else []


def test_there_are_results_of_most_kinds() -> None:
    kinds = {json.loads(path.read_text())["benchmark"] for path in FILES}
    assert kinds >= set(REPORTS) - {"anonymity"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_committed_result_is_read_and_written_as_it_is(path) -> None:
    data = json.loads(path.read_text())
    report = from_json(REPORTS[data["benchmark"]], data)
    written = to_json(report)
    # Files of the first version don't say it.
    if "version" not in data:
        assert written.pop("version") == 1
    assert json.dumps(written) == json.dumps(data)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_unknown_key_is_named_wherever_it_stands(path) -> None:
    text = path.read_text()
    kind = REPORTS[json.loads(text)["benchmark"]]
    places = {key.rpartition(".")[0] for key in _paths(json.loads(text))}
    for place in places:
        data = json.loads(text)
        inner = data
        for step in place.split(".")[1:]:
            inner = inner[int(step) if step.isdigit() else step]
        # These hold names of the user's: flags, stages, packages.
        if not isinstance(inner, dict) or place.split(".")[-1] in FREE:
            continue
        inner["tea"] = 1
        with pytest.raises(ShapeError, match=r"^unknown key .*tea$"):
            from_json(kind, data)


FREE = ("settings", "utilisation", "alone_fps", "versions", "gflops")
