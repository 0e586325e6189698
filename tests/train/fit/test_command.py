"""Training from the command line: files, resuming, and mistakes told in one line."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import seed_everything

from runtime.errors import UserError
from runtime.support.cli import parse_options
from train.checkpoint import load_checkpoint
from train.fit.command import PROG, main
from train.fit.module import EmotionModule, LossOptions
from train.fit.options import FitOptions
from train.fit.schedule import ScheduleOptions
from train.models.emotion_net import EmotionNet, ModelOptions

ROOT = Path(__file__).parents[3]
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


@pytest.mark.parametrize(
    "flags",
    [
        ("--scheduler", "onecycle", "--ema_decay", "0.9"),
        ("--num_workers", "1", "--use_class_weights"),
        (
            *("--scheduler", "cosine", "--accumulate", "2", "--freeze_epochs", "2"),
            *("--layer_decay", "0.5", "--mixup", "0.4", "--cutmix", "0.4", "--balanced_sampling"),
        ),
    ],
    ids=["onecycle-ema", "plateau-worker", "cosine-frozen-mixed"],
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
        with pytest.raises(UserError, match="--resume: the training began with (steps|scheduler) "):
            fit("short", *flags, "--resume")
    for name, value in (
        ("patience", "9"),
        ("ema_decay", "0.9"),
        ("mixup", "0.2"),
        ("seed", "4"),
        ("erase", "0"),
    ):
        with pytest.raises(UserError, match=f"the training began with {name} "):
            fit("short", *onecycle, "1", f"--{name}", value, "--resume")
    with pytest.raises(UserError, match="of another network"):
        fit("short", *onecycle, "1", "--lstm_hidden", "4", "--resume")


def test_other_classes_of_the_same_number_are_refused(
    tmp_path: Path, write_ferplus: Callable[..., None]
) -> None:
    flags = "--backbone test_resnet --model_type baseline --image_size 32 --threads 1 --epochs"
    places = ["--data_dir", tmp_path, "--checkpoint_dir", tmp_path / "out"]
    places += ["--log_dir", tmp_path / "logs"]
    for labels, more in (((0, 1), ["1"]), ((0, 2), ["2", "--resume"])):
        votes = [[9 if column == label else 0 for column in range(10)] for label in labels] * 2
        for split in ("train", "valid"):
            write_ferplus(tmp_path, split, votes)
        given = [*map(str, places), *flags.split(), *more]
        if more == ["1"]:
            assert main(given) == 0
    with pytest.raises(UserError, match=r"began with labels \['neutral', 'happiness'\]"):
        main(given)


def test_a_plateaus_patience_survives_a_restart_every_epoch(fit: Fit) -> None:
    # Far too slow to bring progress, so the rate is halved in the eighth epoch.
    flags = ("--learning_rate", "1e-6", "--patience", "20", "--epochs")
    whole = fit("whole-plateau", *flags, "9")
    fit("parts-plateau", *flags, "1")
    for epochs in range(2, 10):
        parts = fit("parts-plateau", *flags, str(epochs), "--resume")
    first, second = (
        torch.load(folder / "last.ckpt", weights_only=True) for folder in (whole, parts)
    )
    assert first["optimizer_states"][0]["param_groups"][0]["lr"] == 5e-7
    assert first["lr_schedulers"] == second["lr_schedulers"]
    for weight, value in first["state_dict"].items():
        assert torch.equal(value, second["state_dict"][weight]), weight


def test_a_training_that_stopped_early_stays_stopped(
    fit: Fit, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ("--learning_rate", "1e-8", "--patience", "2", "--epochs", "9")
    folder = fit("stopped", *flags)
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    summary = json.loads(before.pop("summary.json"))
    assert "best of 3 epochs" in capsys.readouterr().out
    fit("stopped", *flags, "--resume")
    after = {p.name: p.read_bytes() for p in folder.iterdir()}
    assert {**json.loads(after.pop("summary.json")), "minutes": 0} == {**summary, "minutes": 0}
    assert after == before
    said = capsys.readouterr().out
    assert "2 epochs without progress had ended the training" in said
    assert "best of 3 epochs" in said


def test_a_full_disk_leaves_the_last_checkpoint_whole(
    fit: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = fit("full", "--epochs", "1")
    before = (folder / "last.ckpt").read_bytes()

    def save(state: object, path: Path) -> None:
        path.write_bytes(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("train.fit.trainer.torch.save", save)
    with pytest.raises(UserError, match=r"last.ckpt: can't be written \(No space left on device\)"):
        fit("full", "--epochs", "2", "--resume")
    assert (folder / "last.ckpt").read_bytes() == before
    assert not list(folder.glob("*.partial"))


def test_training_goes_on_from_a_checkpoint_and_learns_from_it(
    fit: Fit, capsys: pytest.CaptureFixture[str]
) -> None:
    first = fit("first", "--epochs", "1") / "best.safetensors"
    # At a rate of nearly nothing the weights stay what they were.
    still = ("--epochs", "1", "--learning_rate", "1e-9", "--init_weights", str(first))
    second = fit("second", *still, "--teacher", str(first), "--teacher_share", "0.3")
    assert f"asking {first} about 12 faces" in capsys.readouterr().out
    before, after = (
        dict(load_checkpoint(path)[0].named_parameters())
        for path in (first, second / "best.safetensors")
    )
    assert all(torch.allclose(after[name], value, atol=1e-6) for name, value in before.items())
    with pytest.raises(UserError, match="the training began with teacher_share 0.3"):
        fit("second", *still, "--teacher", str(first), "--teacher_share", "0.2", "--resume")


def test_a_training_goes_on_with_the_out_of_distribution_part_that_it_began_with(fit: Fit) -> None:
    fit("uncertainty", "--epochs", "1", "--outliers", "0.3")
    with pytest.raises(UserError, match="the training began with outliers 0.3, not 0.0"):
        fit("uncertainty", "--epochs", "1", "--resume")


def test_first_weights_that_do_not_fit_are_refused(
    fit: Fit, tmp_path: Path, write_ferplus: Callable[..., None]
) -> None:
    first = fit("given", "--epochs", "1") / "best.safetensors"
    with pytest.raises(UserError, match="of another network than the options ask for"):
        fit("wider", "--epochs", "1", "--lstm_hidden", "4", "--init_weights", str(first))
    with pytest.raises(UserError, match="none: no such checkpoint"):
        fit("absent", "--epochs", "1", "--init_weights", str(tmp_path / "none"))
    with pytest.raises(UserError, match="--init_weights overwrites --backbone_weights"):
        fit("both", "--init_weights", str(first), "--backbone_weights", str(first))
    votes = [[0, 9, 0, 1, *[0] * 6]] * 4
    for split in ("train", "valid"):
        write_ferplus(tmp_path, split, votes)
    places = ["--data_dir", tmp_path, "--checkpoint_dir", tmp_path / "out", "--log_dir", tmp_path]
    with pytest.raises(UserError, match="it knows neutral, happiness, surprise; .* holds happ"):
        main([*map(str, places), "--image_size", "32", "--init_weights", str(first)])


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


def test_the_classic_recipe_is_the_default() -> None:
    default = FitOptions(data_dir="D")
    assert (default.learning_rate, default.weight_decay) == (1e-4, 1e-5)
    assert (default.scheduler, default.patience) == ("plateau", 10)
    classic = ROOT / "configs" / "train" / "classic.yaml"
    given = parse_options(FitOptions, PROG, ["--config", str(classic), "--data_dir", "D"])
    for name in ("learning_rate", "weight_decay", "scheduler", "patience", "lstm_hidden"):
        assert getattr(given, name) == getattr(default, name)


def test_a_frozen_backbone_keeps_its_weights_and_statistics(fit: Fit) -> None:
    flags = ("--epochs", "1", "--freeze_epochs")
    frozen = fit("frozen", *flags, "2")
    weights, first = (
        torch.load(folder / "last.ckpt", weights_only=True)["state_dict"]
        for folder in (frozen, fit("free", *flags, "0"))
    )
    torch.manual_seed(0)
    seed_everything(3, verbose=False)
    options = ModelOptions(backbone="test_resnet", lstm_hidden=8)
    fresh = EmotionNet(options, 3).backbone.state_dict()
    assert all(torch.equal(weights[f"net.backbone.{k}"], v) for k, v in fresh.items())
    assert not all(torch.equal(first[f"net.backbone.{k}"], v) for k, v in fresh.items())
    assert not torch.equal(weights["net.head.weight"], first["net.head.weight"])


@pytest.mark.parametrize(
    "flags", [("--accelerator", "abacus"), ("--strategy", "luck"), ("--devices", "none")]
)
def test_devices_that_are_not_here_are_one_line(fit: Fit, flags: tuple[str, ...]) -> None:
    with pytest.raises(UserError, match="--accelerator, --devices, --strategy or --precision: "):
        fit("nowhere", *flags)


def test_without_a_majority_the_likelihood_of_the_votes_chooses(
    tmp_path: Path, write_ferplus: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    for split in ("train", "valid"):
        write_ferplus(tmp_path, split, [[5, 5] + [0] * 8] * 4)
    flags = "--backbone test_resnet --model_type baseline --image_size 32 --threads 1 --epochs 2"
    out = tmp_path / "out"
    places = ["--data_dir", tmp_path, "--checkpoint_dir", out, "--log_dir", tmp_path / "logs"]
    assert main([*map(str, places), *flags.split()]) == 0
    metrics = load_checkpoint(out / "best.safetensors")[1].metrics["valid"]
    # Two equal votes: no network can give them more than a half.
    assert metrics["n"] == 0
    assert "accuracy" not in metrics
    assert 0.1 < metrics["likelihood"] <= 0.5
    said = capsys.readouterr()
    assert "no face has a majority label; the likelihood of the votes chooses" in said.err
    assert f"best of 2 epochs, ferplus/valid: likelihood of the votes {metrics['likelihood']}" in (
        said.out
    )


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


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--limit_train", "1"), "one face is too few to train on"),
        (
            ("--backbone", "vit_tiny_patch16_224"),
            "--image_size 32: --backbone vit_tiny_patch16_224",
        ),
        (("--backbone", "hf_hub:foo/bar"), "timm has no such model"),
    ],
)
def test_what_can_not_be_trained_is_one_line(
    fit: Fit, flags: tuple[str, ...], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        fit("untrainable", *flags)


def test_mixed_precision_trains(fit: Fit) -> None:
    folder = fit("bf16", "--precision", "bf16-mixed", "--epochs", "1", "--deterministic")
    net, _ = load_checkpoint(folder / "best.safetensors")
    assert all(p.dtype == torch.float32 and p.isfinite().all() for p in net.parameters())


def test_class_weights_raise_the_loss_of_rare_classes() -> None:
    net = EmotionNet(ModelOptions(backbone="test_resnet", lstm_hidden=8), 3).eval()
    inputs, targets = torch.randn(2, 3, 32, 32), torch.eye(3)[:2]
    losses = []
    for weights in (None, torch.tensor([0.5, 4.0, 1.0])):
        module = EmotionModule(net, ScheduleOptions(), LossOptions(), 0, weights)
        module.log = lambda *_, **__: None  # type: ignore[method-assign, assignment]
        losses.append(module.training_step((inputs, targets, torch.zeros(2)), 0).item())
    with torch.inference_mode():
        single = -net(inputs).log_softmax(1)[[0, 1], [0, 1]].numpy()
    assert losses[0] == pytest.approx(single.mean())
    assert losses[1] == pytest.approx((0.5 * single[0] + 4 * single[1]) / 2)


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
