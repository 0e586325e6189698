import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.engine.command import main, parse_batches
from runtime.errors import UserError
from runtime.support.cli import run_command
from tests.conftest import REPO

CHECKPOINT = REPO / "runtime" / "models" / "emotion.safetensors"


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
        (["--engine", "/nope.onnx"], "nothing could be measured: /nope.onnx: no such file"),
        (["--rounds", "1"], "--rounds must be 3 or more"),
        (["--provider", "abacus"], "--provider"),
        (["--batches", "0"], "--batches must be 1 to 4096"),
        (["--engine", "c.safetensors", "--provider", "openvino"], "--provider cpu or cuda"),
        (["--engine", "c.safetensors", "--torch_precision", "fp16"], "is for --provider cuda"),
        (["--engine", "/nope.safetensors"], "/nope.safetensors"),
    ],
)
def test_bad_options_are_one_line(argv, message, capsys):
    assert run_command(main, argv) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@settings(deadline=None)
@given(st.integers(1, 4096), st.integers(1, 4096))
def test_a_range_of_batches_doubles_from_end_to_end(a, b):
    low, high = sorted((a, b))
    found = parse_batches([f"{low}..{high}"])
    assert (found[0], found[-1]) == (low, high)
    assert all(x < y <= 2 * x for x, y in itertools.pairwise(found))
    assert parse_batches([str(high), str(low), str(high)]) == sorted({low, high})


@pytest.mark.parametrize("text", ["", "x", "8..4", "1..", "-1", "0..8", "1..5000", "1...8"])
def test_no_batches_are_one_line(text):
    with pytest.raises(UserError, match=r"--batches must be 1 to 4096"):
        parse_batches([text])


def test_what_cannot_be_compared_is_left_out_and_the_rest_goes_on(
    tiny_engine, make_onnx, tmp_path, capsys
):
    from dataclasses import replace

    from runtime.manifest import Preprocess
    from tests.conftest import TINY

    other = make_onnx(manifest=replace(TINY, preprocess=Preprocess(size=48)), size=48)
    out = tmp_path / "e.json"
    flags = ["--engine", "/nope.onnx", tiny_engine, other, "--rounds", "3", "--batches", "1"]
    assert run_command(main, [str(a) for a in [*flags, "--output_json", out]]) == 0
    figures = json.loads(out.read_text())
    assert [row["engine"] for row in figures["engines"]] == [tiny_engine.name]
    assert [row["engine"] for row in figures["errors"]] == ["nope.onnx", other.name]
    shown = capsys.readouterr()
    assert "takes (3, 48, 48), not (3, 32, 32) as tiny.onnx" in shown.err
    assert shown.out.count("not measured: ") == 2


def test_pytorch_stands_beside_its_export_under_the_roof(tmp_path, capsys):
    out = tmp_path / "e.json"
    flags = ["--engine", "main", CHECKPOINT, "--rounds", "3", "--batches", "1"]
    more = ["--roofline", CHECKPOINT, "--output_json", out]
    assert run_command(main, [str(a) for a in [*flags, *more]]) == 0
    figures = json.loads(out.read_text())
    exported, checkpoint = figures["engines"]
    assert "PyTorch on cpu, fp32" in checkpoint["runs_as"]
    for row in (exported, checkpoint):
        assert row["roofline"]["share_of_roof"] > 0
        assert "parts_ms" not in row, "there is no GPU"
    assert figures["roofline"]["gflops"]["fp32"] > 0
    assert "of the roof's" in capsys.readouterr().out


def test_another_models_roofline_is_one_line(tiny_engine, capsys):
    flags = ["--engine", tiny_engine, "--roofline", CHECKPOINT, "--rounds", "3"]
    assert run_command(main, [str(a) for a in flags]) == 2
    assert "but the models (3, 32, 32)" in capsys.readouterr().err


def test_a_regression_is_exit_code_1(tiny_engine, tmp_path, capsys):
    out = tmp_path / "out.json"
    flags = ["--engine", str(tiny_engine), "--batches", "1", "--rounds", "9"]
    more = ["--scenarios", "SingleStream", "--scenario_s", "0.1"]
    assert main([*flags, *more, "--output_json", str(out)]) == 0
    assert "SingleStream: " in capsys.readouterr().out
    old = json.loads(out.read_text())
    assert old["scenarios"][0]["engine"] == tiny_engine.name
    for factor, code, word in ((1e-4, 1, "worse"), (1e4, 0, "better")):
        (row,) = old["engines"]
        scaled = {**row, "ref_ratios": [factor * v for v in row["ref_ratios"]]}
        (tmp_path / "old.json").write_text(json.dumps({**old, "engines": [scaled]}))
        assert main([*flags, "--compare", str(tmp_path / "old.json")]) == code
        assert word in capsys.readouterr().out


def test_an_unknown_scenario_is_one_line(capsys):
    assert run_command(main, ["--scenarios", "Server"]) == 2
    assert "must be of SingleStream, MultiStream, Offline" in capsys.readouterr().err
