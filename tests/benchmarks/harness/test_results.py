"""Every benchmark checks its output and the older report before its slow part."""

from __future__ import annotations

import importlib
import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.harness.results import begin, finish, read_report
from benchmarks.regression.compared import KINDS
from runtime.errors import UserError
from runtime.support.cli import run_command

KIND_NAMES = sorted(KINDS)


def _run(kind: str, *flags: str) -> int:
    main = importlib.import_module(f"benchmarks.{kind}").main
    own = ["--data_dir", "/nope"] if kind in _WITH_DATA else []
    return run_command(main, [*own, *flags])


_WITH_DATA = ("accuracy", "framing", "loading", "stability")


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_a_place_that_cannot_be_written_is_one_line(kind: str, tmp_path: Path, capsys) -> None:
    assert _run(kind, "--output_json", str(tmp_path)) == 2
    error = capsys.readouterr().err
    assert error == f"error: --output_json {tmp_path}: is a folder; name a file\n"


@pytest.mark.parametrize("kind", KIND_NAMES)
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("[]", "not a benchmark's report"),
        ("{}", "not a benchmark's report"),
        ('{"benchmark": "tea"}', "a report of tea, not of {kind}"),
        ('{"benchmark": "{kind}"}', "doesn't say its --"),
    ],
)
def test_what_is_no_older_report_is_one_line(
    kind: str, text: str, message: str, tmp_path: Path, capsys
) -> None:
    old = tmp_path / "old.json"
    old.write_text(text.replace("{kind}", kind))
    assert _run(kind, "--compare", str(old)) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: --compare {old}: ")
    assert message.replace("{kind}", kind) in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_the_committed_results_are_refused_in_a_line_or_compared(kind: str, capsys) -> None:
    """Results of older versions without samples are no crash."""
    folder = Path(__file__).resolve().parents[3] / "benchmarks" / "results"
    options = SimpleNamespace(output_json=None, engine=None, rounds=3)
    for name in KINDS[kind].settings:
        setattr(options, name, None)
    for path in sorted(folder.glob("*.json")):
        options.compare = str(path)
        with pytest.raises(UserError, match=f"--compare {path}: "):
            begin(kind, options)


def test_fewer_rounds_than_a_sample_needs_are_refused(tmp_path: Path, capsys) -> None:
    old = tmp_path / "old.json"
    old.write_text('{"benchmark": "overload"}')
    assert _run("overload", "--rounds", "2", "--compare", str(old)) == 2
    assert "--compare needs --rounds 3 or more, not 2" in capsys.readouterr().err


def _loading(ratios: list[float]) -> dict[str, Any]:
    samples = {"part_of_step_rate": ratios, "loader_over_step": [math.nan, 0.1, 0.1, 0.1]}
    about = {"backbone": "b", "image_size": 64, "batch_size": 8}
    settings = dict.fromkeys(KINDS["loading"].settings, 1)
    return {"benchmark": "loading", "settings": settings, **about, "samples": samples}


@pytest.mark.parametrize(
    ("then", "now", "code", "word"),
    [(1.0, 0.5, 1, "worse"), (0.5, 1.0, 0, "better"), (1.0, 1.0, 0, "same")],
)
def test_a_regression_is_exit_code_1(
    then: float, now: float, code: int, word: str, tmp_path: Path, capsys
) -> None:
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text(json.dumps(_loading([then] * 4)))
    options = SimpleNamespace(compare=str(old), output_json=str(new), rounds=4)
    for name in KINDS["loading"].settings:
        setattr(options, name, 1)
    report = begin("loading", options)
    assert finish(_loading([now] * 4), options, report, show=True) == code
    out = capsys.readouterr().out
    assert f"{word:<7} b, 64 px, batch 8, part of the step's rate: " in out
    assert "samples" not in out, "samples are for the file"
    assert read_report(new).figures["samples"]["part_of_step_rate"] == [now] * 4


def test_without_an_older_report_all_is_well(tmp_path: Path) -> None:
    options = SimpleNamespace(compare=None, output_json=None)
    assert begin("loading", options) is None
    assert finish({}, options, None) == 0


@pytest.mark.parametrize("name", ["m.onnx", "m.json"])
@pytest.mark.parametrize("several", [True, False])
def test_figures_never_replace_the_model_they_are_about(
    name: str, several: bool, tmp_path: Path
) -> None:
    model = str(tmp_path / "m.onnx")
    for file in ("m.onnx", "m.json"):
        (tmp_path / file).write_text("precious")
    engine = [model] if several else model
    options = SimpleNamespace(output_json=str(tmp_path / name), compare=None, engine=engine)
    with pytest.raises(UserError, match="would overwrite"):
        begin("engine", options)
    assert (tmp_path / name).read_text() == "precious"
