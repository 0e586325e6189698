"""A training goes on where it was left, and refuses to go on as another."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from runtime.errors import UserError
from tests.train.fit.conftest import Fit, ended_by
from train.checkpoint import load_checkpoint
from train.fit.command import main


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
    request: pytest.FixtureRequest,
) -> None:
    flags = (*flags, "--epochs", "3", "--warm_epochs", "1", "--warm_size", "24")
    name = request.node.name
    whole = fit(f"whole-{name}", *flags)
    with ended_by(KeyboardInterrupt(), 1), pytest.raises(KeyboardInterrupt):
        fit(f"parts-{name}", *flags)
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


def test_a_training_goes_on_with_the_out_of_distribution_part_that_it_began_with(fit: Fit) -> None:
    fit("uncertainty", "--epochs", "1", "--outliers", "0.3")
    with pytest.raises(UserError, match="the training began with outliers 0.3, not 0.0"):
        fit("uncertainty", "--epochs", "1", "--resume")


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


def test_mixed_precision_trains(fit: Fit) -> None:
    folder = fit("bf16", "--precision", "bf16-mixed", "--epochs", "1", "--deterministic")
    net, _ = load_checkpoint(folder / "best.safetensors")
    assert all(p.dtype == torch.float32 and p.isfinite().all() for p in net.parameters())
