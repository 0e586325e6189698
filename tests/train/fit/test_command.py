"""Training from the command line: files, resuming, and mistakes told in one line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from runtime.errors import UserError
from runtime.support.cli import parse_options
from tests.train.fit.conftest import Fit
from train.checkpoint import load_checkpoint
from train.fit.command import PROG, main
from train.fit.options import FitOptions

ROOT = Path(__file__).parents[3]
CONFIGS = sorted((ROOT / "configs" / "train").glob("*.yaml"))


def test_two_epochs_leave_a_checkpoint_that_loads(
    fit: Fit, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = fit("plain", "--epochs", "2")
    assert {p.name for p in folder.iterdir()} == {"best.safetensors", "last.ckpt", "summary.json"}
    net, manifest = load_checkpoint(folder / "best.safetensors")
    with torch.inference_mode():
        assert net(torch.zeros(1, 3, 32, 32)).shape == (1, 3)
    # The classes that nobody voted for have no logit.
    assert manifest.labels == ("neutral", "happiness", "surprise")
    assert (manifest.preprocess.size, manifest.preprocess.detail) == (32, 48)
    assert manifest.preprocess.color == "gray"
    assert manifest.model["backbone"] == "test_resnet"
    assert manifest.metrics["valid"]["n"] == 6
    assert {"torch", "timm", "lightning"} <= set(manifest.tools)
    out = capsys.readouterr().out
    assert "epoch 1: accuracy" in out
    assert "n = 6" in out
    assert "nothing on sadness, anger, disgust, fear, contempt: left out" in out
    # A second training doesn't touch the first one's files.
    before = (folder / "best.safetensors").read_bytes()
    with pytest.raises(UserError, match="add --resume, or choose another --checkpoint_dir"):
        fit("plain", "--epochs", "2")
    assert (folder / "best.safetensors").read_bytes() == before


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_shipped_recipes_parse_and_take_a_step(config: Path, fit: Fit) -> None:
    # Flags win over YAML: the recipe's own choices stay, only the size is small.
    folder = fit(
        f"recipe-{config.stem}",
        *("--config", str(config), "--dataset", "ferplus", "--num_workers", "0"),
        *("--epochs", "3", "--limit_train", "4", "--limit_valid", "4", "--warm_size", "24"),
    )
    recipe = parse_options(FitOptions, PROG, ["--config", str(config), "--data_dir", "D"])
    assert load_checkpoint(folder / "best.safetensors")[1].preprocess.color == recipe.color


def test_there_are_shipped_configs() -> None:
    assert {"main", "refine", "classic", "rafdb", "affectnet", "finetune", "ablation"} <= {
        path.stem for path in CONFIGS
    }


def test_validation_faces_of_a_class_that_training_lacks_are_counted(
    tmp_path: Path, write_ferplus: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    write_ferplus(tmp_path, "train", [[9, 1] + [0] * 8, [1, 9] + [0] * 8] * 2)
    write_ferplus(tmp_path, "valid", [[9, 1] + [0] * 8] * 3 + [[0, 0, 9] + [0] * 7])
    flags = "--backbone test_resnet --model_type baseline --image_size 32 --threads 1 --epochs 1"
    places = ["--data_dir", tmp_path, "--checkpoint_dir", tmp_path / "out"]
    places += ["--log_dir", tmp_path / "logs"]
    assert main([*map(str, places), *flags.split()]) == 0
    assert "skipped 1 of 4 faces, which have no vote on any of neutral, happiness" in (
        capsys.readouterr().err
    )


@pytest.mark.slow
@pytest.mark.parametrize("flags", [(), ("--freeze_epochs", "1")], ids=["plain", "frozen"])
def test_two_processes_train_together(
    flags: tuple[str, ...], tmp_path: Path, write_ferplus: Callable[..., None]
) -> None:
    votes = [[9 if column == i % 3 else 1 for column in range(8)] + [0, 0] for i in range(12)]
    for split in ("train", "valid"):
        write_ferplus(tmp_path, split, votes)
    result = _command(
        *("--data_dir", str(tmp_path), "--checkpoint_dir", str(tmp_path / "out")),
        *("--log_dir", str(tmp_path / "logs"), "--backbone", "test_resnet", "--lstm_hidden", "8"),
        *("--image_size", "32", "--batch_size", "2", "--threads", "1", "--epochs", "2"),
        *("--accelerator", "cpu", "--devices", "2", "--strategy", "ddp", *flags),
    )
    assert result.returncode == 0, result.stderr
    # One process speaks, and all faces were seen by one of them.
    assert result.stdout.count("epoch 1: accuracy") == 1
    assert result.stdout.count("best of 2 epochs") == 1
    assert load_checkpoint(tmp_path / "out" / "best.safetensors")[1].metrics["valid"]["n"] == 12
    state = torch.load(tmp_path / "out" / "last.ckpt", weights_only=True)
    assert state["global_step"] == 2 * (12 // 2 // 2)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--data_dir", "/nowhere"], "--data_dir /nowhere: no such folder"),
        ([], "--data_dir is required"),
        (["--data_dir", ".", "--bogus", "1"], "unrecognized arguments: --bogus"),
        (["--data_dir", ".", "--epochs", "0"], "--epochs must be 1 to"),
        (["--data_dir", ".", "--learning_rate", "-1"], "--learning_rate must be"),
        (["--data_dir", ".", "--dropout", "2"], "--dropout must be"),
        (["--data_dir", ".", "--limit_train", "-1"], "--limit_train must be"),
        (["--data_dir", ".", "--epochs", "many"], "--epochs: invalid int value"),
        (["--data_dir", ".", "--model_type", "gpt"], "invalid choice: 'gpt'"),
        (
            ["--data_dir", ".", "--use_class_weights", "--balanced_sampling"],
            "do the same; choose one",
        ),
        (
            ["--data_dir", ".", "--scheduler", "cosine", "--epochs", "1"],
            "--warmup_epochs 1 must be less than --epochs 1",
        ),
        (["--config", "/nowhere.yaml"], "--config /nowhere.yaml: No such file"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(flags: list[str], message: str) -> None:
    result = _command(*flags)
    assert result.returncode == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_help_lists_every_option() -> None:
    result = _command("--help")
    assert result.returncode == 0
    assert all(f"--{name}" in result.stdout for name in FitOptions.__dataclass_fields__)


def _command(*flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "train.fit", *flags]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
