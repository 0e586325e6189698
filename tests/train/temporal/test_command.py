"""The command from a checkpoint and faces to a head and its figures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from runtime.errors import UserError
from runtime.manifest import Manifest, Preprocess
from runtime.support.cli import run_command
from tests.conftest import REPO
from train.checkpoint import save_checkpoint
from train.models.emotion_net import EmotionNet, ModelOptions
from train.temporal.command import TemporalOptions, main
from train.temporal.head import load_head


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    net = EmotionNet(ModelOptions("test_resnet", "full", lstm_hidden=4, lstm_layers=1), 2)
    labels = ("neutral", "happiness")
    manifest = Manifest(labels=labels, preprocess=Preprocess(size=32), model=net.describe())
    path = tmp_path_factory.mktemp("model") / "best.safetensors"
    save_checkpoint(path, net.state_dict(), manifest)
    return path


def test_everything_is_written(
    model: Path, real_faces_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, head, report = model.read_bytes(), tmp_path / "head.safetensors", tmp_path / "f.json"
    flags = ["--model", str(model), "--data_dir", str(real_faces_dir), "--dataset", "folder"]
    small = ["--sequences", "4", "--judge_sequences", "3", "--epochs", "1", "--hidden", "4"]
    window = ["--steps", "5", "--window_s", "0.5"]
    outputs = ["--output", str(head), "--output_json", str(report)]
    assert main([*flags, *small, *window, *outputs]) == 0
    assert model.read_bytes() == before
    figures = json.loads(report.read_text())
    assert figures["train"]["sequences"] == 4
    assert figures["valid"]["sequences"] == 3
    assert len(figures["methods"]) == 8
    assert all(0 <= error <= 1 for error in figures["calibration_error"].values())
    net, manifest = load_head(head)
    assert (net.options.steps, net.options.window_s, net.options.features) == (5, 0.5, 0)
    assert manifest.labels == ("neutral", "happiness")
    assert manifest.metrics["verdict"] == figures["verdict"]
    said = capsys.readouterr()
    table = [line for line in said.out.splitlines() if line.startswith("|")]
    assert len(table) == 2 + 8
    assert len({line.count("|") for line in table}) == 1
    with pytest.raises(UserError, match="not a temporal head"):
        load_head(model)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--data_dir .", "--model is required"),
        ("--model none.safetensors --data_dir .", "no such checkpoint"),
        ("--model {model} --data_dir /nowhere", "--data_dir /nowhere: no such folder"),
        ("--model {model} --data_dir . --output {model}", "would overwrite"),
        ("--model {model} --data_dir . --steps 1", "--steps must be"),
        ("--model {model} --data_dir . --output /dev/null/x", "--output /dev/null/x"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(
    flags: str, message: str, model: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert run_command(main, flags.format(model=model).split()) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_help_needs_nothing_heavy() -> None:
    code = (
        "import sys; sys.modules.update(torch=None, scipy=None); "
        "import train.temporal.command as m; m.main(['--help'])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True
    )
    assert all(f"--{name}" in result.stdout for name in TemporalOptions.__dataclass_fields__)
