import json

import pytest

from benchmarks.engine import main
from runtime.options import run_command


def test_engines_run_in_turns(tiny_engine, make_onnx, tmp_path, capsys):
    out = tmp_path / "e.json"
    argv = ["--engine", tiny_engine, tiny_engine, "--batches", 1, 3, "--rounds", 5]
    assert run_command(main, [str(a) for a in [*argv, "--output_json", out]]) == 0
    rows = json.loads(out.read_text())["engines"]
    assert [(row["batch"], row["engine"]) for row in rows] == [
        (batch, tiny_engine.name) for batch in (1, 3) for _ in range(2)
    ]
    assert [row["speed"] for row in rows[::2]] == [1, 1]
    for row in rows:
        assert row["p50_ms"] <= row["p90_ms"]
        assert row["faces_per_s"] == pytest.approx(row["batch"] / row["p50_ms"] * 1e3, rel=0.05)
    assert capsys.readouterr().out.count("\n") == 5


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--engine", "/nope.onnx"], "no such file"),
        (["--rounds", "1"], "--rounds must be 3 or more"),
        (["--provider", "abacus"], "--provider"),
    ],
)
def test_bad_options_are_one_line(argv, message, capsys):
    assert run_command(main, argv) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_other_inputs_are_refused(tiny_engine, make_onnx, capsys):
    from dataclasses import replace

    from runtime.manifest import Preprocess
    from tests.conftest import TINY

    other = make_onnx(manifest=replace(TINY, preprocess=Preprocess(size=48)), size=48)
    assert run_command(main, ["--engine", str(tiny_engine), str(other)]) == 2
    assert "takes (3, 48, 48), not (3, 32, 32)" in capsys.readouterr().err


def test_a_regression_is_exit_code_1(tiny_engine, tmp_path, capsys):
    out = tmp_path / "out.json"
    flags = ["--engine", str(tiny_engine), "--batches", "1", "--rounds", "9"]
    more = ["--scenarios", "SingleStream", "--scenario_s", "0.1"]
    assert main([*flags, *more, "--output_json", str(out)]) == 0
    assert "SingleStream: " in capsys.readouterr().out
    old = json.loads(out.read_text())
    assert old["scenarios"][0]["engine"] == tiny_engine.name
    for factor, code, word in ((0.05, 1, "slower"), (20, 0, "faster")):
        (row,) = old["engines"]
        scaled = {**row, "ref_ratios": [factor * v for v in row["ref_ratios"]]}
        (tmp_path / "old.json").write_text(json.dumps({**old, "engines": [scaled]}))
        assert main([*flags, "--compare", str(tmp_path / "old.json")]) == code
        assert word in capsys.readouterr().out


def test_an_unknown_scenario_is_one_line(capsys):
    assert run_command(main, ["--scenarios", "Server"]) == 2
    assert "must be of SingleStream, MultiStream, Offline" in capsys.readouterr().err
