"""Every benchmark checks its output and the older report before its slow part."""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.harness.options import CompareOptions
from benchmarks.harness.results import read_report, write_report
from benchmarks.harness.schema.common import ComparableReport
from benchmarks.harness.schema.loading import LoadingReport, LoadingSamples
from benchmarks.regression.compared_figures import KINDS
from benchmarks.regression.session import begin, finish
from runtime.errors import UserError
from runtime.support.cli import run_command
from tests.conftest import REPO

KIND_NAMES = sorted(KINDS)
RESULTS = REPO / "benchmarks" / "results"


def _options(kind: str, settings: Mapping[str, object] | None = None) -> CompareOptions:
    """A benchmark's options; settings that aren't given are None."""
    options = CompareOptions()
    for name in KINDS[kind].settings:
        setattr(options, name, (settings or {}).get(name))
    return options


def _run(kind: str, *flags: str) -> int:
    place = "" if kind in _MODULES else ".command"
    main = importlib.import_module(f"benchmarks.{kind}{place}").main
    own = ["--data_dir", "/nope"] if kind in _WITH_DATA else []
    return run_command(main, [*own, *flags])


_MODULES = ("accuracy", "framing", "loading", "overload", "soak")
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
        ('{"benchmark": "tea"}', "not a benchmark's report"),
        ('{"benchmark": "peers", "x": 1}', "unknown key x"),
        ('{"benchmark": "{kind}"}', "lacks the key machine"),
        ('{"benchmark": "{kind}", "version": 2}', "a report of version 2; this one reads 1"),
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
def test_other_committed_results_are_refused_in_a_line(kind: str) -> None:
    options = _options(kind)
    for path in sorted(RESULTS.glob("*.json")):
        options.compare = str(path)
        with pytest.raises(UserError, match=f"--compare {path}: "):
            begin(kind, options)


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")), ids=lambda path: path.stem)
def test_committed_results_can_be_compared_with(path: Path) -> None:
    """Each against itself: nothing has changed. Peers, shots and the ablation are not compared."""
    if path.stem in ("ablation", "peers", "shots"):
        return
    report = read_report(path)
    assert isinstance(report, ComparableReport)
    options = _options(report.benchmark, report.settings)
    options.compare = str(path)
    old = begin(report.benchmark, options)
    assert old == report
    assert finish(report, options, old) == 0


def test_fewer_rounds_than_a_sample_needs_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    old = RESULTS / "overload.json"
    assert _run("overload", "--rounds", "2", "--compare", str(old)) == 2
    assert "--compare needs --rounds 3 or more, not 2" in capsys.readouterr().err


def _loading(share: float) -> LoadingReport:
    report = read_report(RESULTS / "loading.json")
    assert isinstance(report, LoadingReport)
    samples = LoadingSamples(
        part_of_step_rate=[share] * 4, loader_over_step=[math.nan, 0.1, 0.1, 0.1]
    )
    return replace(report, samples=samples)


@pytest.mark.parametrize(
    ("then", "now", "code", "word"),
    [(1.0, 0.5, 1, "worse"), (0.5, 1.0, 0, "better"), (1.0, 1.0, 0, "same")],
)
def test_a_regression_is_exit_code_1(
    then: float,
    now: float,
    code: int,
    word: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    write_report(_loading(then), str(old))
    options = _options("loading", _loading(then).settings)
    options.compare, options.output_json = str(old), str(new)
    report = begin("loading", options, rounds=4)
    assert finish(_loading(now), options, report, show=True) == code
    out = capsys.readouterr().out
    assert f"{word:<7} tf_efficientnet_lite0, 112 px, batch 64, part of the step's rate: " in out
    assert "samples" not in out, "samples are for the file"
    written = read_report(new)
    assert isinstance(written, LoadingReport)
    assert written.samples.part_of_step_rate == [now] * 4


def test_without_an_older_report_all_is_well() -> None:
    options = _options("loading")
    assert begin("loading", options) is None
    assert finish(_loading(1.0), options, None) == 0


@pytest.mark.parametrize("name", ["m.onnx", "m.json"])
def test_figures_never_replace_the_model_they_are_about(name: str, tmp_path: Path) -> None:
    model = str(tmp_path / "m.onnx")
    for file in ("m.onnx", "m.json"):
        (tmp_path / file).write_text("precious")
    options = _options("engine")
    options.output_json = str(tmp_path / name)
    with pytest.raises(UserError, match="would overwrite"):
        begin("engine", options, [model])
    assert (tmp_path / name).read_text() == "precious"
