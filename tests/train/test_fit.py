"""Training from the command line: files, resuming, and mistakes told in one line."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from runtime.errors import UserError
from runtime.options import parse_options
from train.checkpoint import load_checkpoint
from train.fit import PROG, main
from train.module import EmotionModule
from train.options import FitOptions

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "configs" / "train").glob("*.yaml"))

Fit = Callable[..., Path]


@pytest.fixture(scope="module")
def fit(tmp_path_factory: pytest.TempPathFactory, write_ferplus: Callable[..., None]) -> Fit:
    """Trains a tiny network on tiny data into a folder; returns the folder."""
    root = tmp_path_factory.mktemp("fit")
    votes = [[9 if column == i % 3 else 1 for column in range(8)] + [0, 0] for i in range(12)]
    write_ferplus(root, "train", votes)
    write_ferplus(root, "valid", votes[:6])
    shared = (
        "--backbone test_resnet --lstm_hidden 8 --image_size 32 --batch_size 4 --threads 1 "
        "--learning_rate 1e-3 --seed 3"
    )

    def train(name: str, *flags: str) -> Path:
        folder = root / name
        places = ["--data_dir", str(root), "--checkpoint_dir", str(folder)]
        places += ["--log_dir", str(root / "logs" / name)]
        assert main([*places, *shared.split(), *flags]) == 0
        return folder

    return train


def test_two_epochs_leave_a_checkpoint_that_loads(
    fit: Fit, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = fit("plain", "--epochs", "2")
    assert {p.name for p in folder.iterdir()} == {"best.safetensors", "last.ckpt"}
    net, manifest = load_checkpoint(folder / "best.safetensors")
    with torch.inference_mode():
        assert net(torch.zeros(1, 3, 32, 32)).shape == (1, 8)
    assert (manifest.preprocess.size, manifest.preprocess.detail) == (32, 48)
    assert manifest.preprocess.color == "gray"
    assert manifest.model["backbone"] == "test_resnet"
    assert manifest.metrics["valid"]["n"] == 6
    assert {"torch", "timm", "lightning"} <= set(manifest.tools)
    out = capsys.readouterr().out
    assert "epoch 1: accuracy" in out
    assert "n = 6" in out
    # A second training doesn't touch the first one's files.
    before = (folder / "best.safetensors").read_bytes()
    with pytest.raises(UserError, match="add --resume, or choose another --checkpoint_dir"):
        fit("plain", "--epochs", "2")
    assert (folder / "best.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    "flags",
    [("--scheduler", "onecycle", "--ema_decay", "0.9"), ("--num_workers", "1")],
    ids=["onecycle-ema", "plateau-worker"],
)
def test_a_resumed_run_ends_as_if_never_interrupted(
    fit: Fit,
    flags: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    flags = (*flags, "--epochs", "3", "--warm_epochs", "1", "--warm_size", "24")
    name = request.node.name
    whole = fit(f"whole-{name}", *flags)
    step = EmotionModule.training_step

    def interrupted(self: EmotionModule, batch: Any, index: int) -> torch.Tensor:
        if self.current_epoch == 1 and index == 1:
            raise KeyboardInterrupt
        return step(self, batch, index)

    # Lightning leaves Ctrl-C switched off behind it.
    handler = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch:
        patch.setattr(EmotionModule, "training_step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fit(f"parts-{name}", *flags)
    signal.signal(signal.SIGINT, handler)
    parts = fit(f"parts-{name}", *flags, "--resume")
    first, second = (
        torch.load(folder / "last.ckpt", weights_only=True) for folder in (whole, parts)
    )
    for key in ("state_dict", "current_model_state"):
        for weight, value in first.get(key, {}).items():
            assert torch.equal(value, second[key][weight]), (key, weight)
    assert (whole / "best.safetensors").read_bytes() == (parts / "best.safetensors").read_bytes()


def test_resuming_another_training_is_refused(fit: Fit) -> None:
    with pytest.raises(UserError, match="--resume: no "):
        fit("nothing", "--resume")
    onecycle = ("--scheduler", "onecycle", "--epochs")
    fit("short", *onecycle, "1")
    for flags in ((*onecycle, "2"), ("--epochs", "2")):
        with pytest.raises(UserError, match="--scheduler, --epochs and --batch_size"):
            fit("short", *flags, "--resume")
    with pytest.raises(UserError, match="of another network"):
        fit("short", *onecycle, "1", "--lstm_hidden", "4", "--resume")


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configs_parse(config: Path) -> None:
    options = parse_options(FitOptions, PROG, ["--config", str(config), "--data_dir", "D"])
    assert options.data_dir == "D"


def test_there_are_shipped_configs() -> None:
    assert CONFIGS


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
