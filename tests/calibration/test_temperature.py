"""The temperature undoes a known overconfidence, and lands in the checkpoint."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from calibration.temperature import main
from runtime.errors import UserError
from runtime.manifest import EMOTIONS, Manifest, Preprocess
from runtime.support.cli import run_command
from train.checkpoint import load_checkpoint, save_checkpoint
from train.datasets.catalogue import load_faces
from train.inference import face_logits
from train.models.emotion_net import EmotionNet, ModelOptions
from train.temperature import fit_temperature
from train.torch_engine import TorchEngine

ROOT = Path(__file__).parents[2]


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits)
    return powers / powers.sum(1, keepdims=True)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    net = EmotionNet(ModelOptions("test_resnet", "baseline"), 8)
    # Untrained logits are nearly equal; these are overconfident.
    net.head.weight.data *= 100
    spec = Preprocess(size=32)
    manifest = Manifest(preprocess=spec, model=net.describe(), metrics={"epoch": 4})
    path = tmp_path / "best.safetensors"
    save_checkpoint(path, net.state_dict(), manifest)
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name in ("neutral", "happiness", "fear"):
        (tmp_path / "data" / "valid" / name).mkdir(parents=True)
        for i in range(3):
            face = rng.integers(0, 256, (40, 40, 3))
            cv2.imwrite(str(tmp_path / "data" / "valid" / name / f"{i}.png"), face)
    return tmp_path / "data"


def test_checkpoint_gains_the_temperature_in_place(
    checkpoint: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--checkpoint", str(checkpoint), "--data_dir", str(data), "--dataset", "folder"]
    before, _ = load_checkpoint(checkpoint)
    assert main(flags) == 0
    after, manifest = load_checkpoint(checkpoint)
    assert manifest.temperature > 1
    figures = manifest.metrics["calibration"]
    assert figures["nll_after"] < figures["nll_before"]
    assert {"ece_before", "ece_after"} <= set(figures)
    assert (figures["data"], figures["n"], figures["n_majority"]) == ("data/valid", 9, 9)
    assert manifest.metrics["epoch"] == 4
    weights = after.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in before.state_dict().items())
    assert {p.name for p in checkpoint.parent.iterdir()} == {"best.safetensors", "data"}
    out = capsys.readouterr().out
    assert f"temperature 1.000: NLL {figures['nll_before']:.4f} (n = 9)" in out
    # Fitting again finds the same: it starts from the logits.
    assert main(flags) == 0
    assert load_checkpoint(checkpoint)[1] == manifest


@pytest.mark.parametrize("target", ["majority", "votes"])
def test_confidence_means_what_was_asked(target: str, checkpoint: Path, tmp_path: Path) -> None:
    """Three faces of four have a majority, of different strength."""
    sheet = np.random.default_rng(3).integers(0, 256, (48, 192)).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "ferplus_valid_00.png"), sheet)
    votes = ["6,4,0", "2,8,0", "5,5,0", "0,3,7"]
    rows = [f"f,ferplus_valid_00.png,0,{i},{v},0,0,0,0,0,0,0" for i, v in enumerate(votes)]
    header = "name,sheet,row,col," + ",".join((*EMOTIONS, "unknown", "nf"))
    (tmp_path / "ferplus_valid.csv").write_text("\n".join([header, *rows]))
    flags = ["--checkpoint", str(checkpoint), "--data_dir", str(tmp_path), "--target", target]
    assert main(flags) == 0
    net, manifest = load_checkpoint(checkpoint)
    faces = load_faces(tmp_path, "ferplus", "valid")
    assert faces.majority.tolist() == [0, 1, -1, 2]
    logits = face_logits(TorchEngine(net, manifest, "c"), faces)
    wanted = (
        fit_temperature(logits[[0, 1, 3]], np.eye(8)[:3])
        if target == "majority"
        else fit_temperature(logits, faces.targets())
    )
    assert manifest.temperature == pytest.approx(wanted, abs=1e-4)
    assert manifest.metrics["calibration"]["target"] == target


def test_endless_logits_are_refused(checkpoint: Path, data: Path) -> None:
    net, manifest = load_checkpoint(checkpoint)
    net.head.bias.data[0] = float("inf")
    save_checkpoint(checkpoint, net.state_dict(), manifest)
    before = checkpoint.read_bytes()
    with pytest.raises(UserError, match="not finite"):
        main(["--checkpoint", str(checkpoint), "--data_dir", str(data), "--dataset", "folder"])
    assert checkpoint.read_bytes() == before


def test_mistakes_are_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mistakes = {
        "no such checkpoint": ["--checkpoint", str(tmp_path / "none"), "--data_dir", "."],
        "--data_dir is required": ["--checkpoint", "none"],
        "unrecognized arguments: --bogus": ["--bogus", "1"],
    }
    for message, flags in mistakes.items():
        assert run_command(main, flags) == 2
        error = capsys.readouterr().err
        assert message in error
        assert len(error.splitlines()) == 1


def test_help_needs_no_torch() -> None:
    code = (
        "import sys, calibration.temperature as m; sys.modules['torch'] = None; m.main(['--help'])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "--checkpoint" in result.stdout
