"""The report holds all it shows, and an unfinished one replaces nothing."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

from runtime.errors import UserError
from train.datasets.catalogue import load_faces
from train.evaluate.command import evaluate
from train.evaluate.options import EvaluateOptions
from train.evaluate.report import worst_mistakes


def test_a_failing_run_leaves_the_earlier_one_whole(
    data: Path, tiny_engine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = _options(data, tmp_path, engine=str(tiny_engine))
    evaluate(options)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}

    for error, shown in ((OSError(28, "full"), UserError), (KeyboardInterrupt(), None)):
        with monkeypatch.context() as patch:
            patch.setattr("train.evaluate.report._render", Mock(side_effect=error))
            with pytest.raises(shown or KeyboardInterrupt):
                evaluate(options)
        assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_the_report_needs_nothing_beside_it(data: Path, tiny_engine: Path, tmp_path: Path) -> None:
    class Sources(HTMLParser):
        found: list[str] = []  # noqa: RUF012

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.found += [v or "" for k, v in attrs if k in ("src", "href")]

    evaluate(
        _options(data, tmp_path, engine=str(tiny_engine), skip_corruptions=False, skip_copies=False)
    )
    parser = Sources()
    parser.feed((tmp_path / "report.html").read_text())
    # Plots, a sheet of 7 times 5, 4 pairs of copies, and the mistakes.
    wrong = round(6 * (1 - json.loads((tmp_path / "metrics.json").read_text())["accuracy"]))
    assert len(parser.found) == 5 + 35 + 8 + wrong
    assert all(source.startswith("data:image/png;base64,") for source in parser.found)


def test_worst_mistakes_are_the_surest(data: Path) -> None:
    faces = load_faces(data, "ferplus", "valid")
    probabilities = np.full((7, 8), 0.05)
    # Right, wrong at 0.7, wrong at 0.9, right, no majority, wrong at 0.8, right.
    for row, (guess, sure) in enumerate(
        [(0, 0.9), (3, 0.7), (3, 0.9), (0, 0.6), (4, 0.99), (4, 0.8), (7, 0.9)]
    ):
        probabilities[row, guess] = sure
    mistakes = worst_mistakes(probabilities, faces, np.arange(7) + 100)
    assert [m["place"] for m in mistakes] == [102, 105, 101]
    first = mistakes[0]
    assert (first["guess"], first["truth"]) == ("sadness", "surprise")
    assert first["votes"] == "surprise 8, neutral 2"


def _options(data: Path, out: Path, **changes: object) -> EvaluateOptions:
    quick = {"skip_corruptions": True, "skip_copies": True, "threads": 1}
    return EvaluateOptions(data_dir=str(data), output_dir=str(out), **{**quick, **changes})  # type: ignore[arg-type]
