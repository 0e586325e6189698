"""What options ask for is made of them: network, first weights, sizes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from runtime.errors import UserError
from tests.train.fit.conftest import Fit
from train.checkpoint import load_checkpoint
from train.fit.command import main


def test_training_goes_on_from_a_checkpoint_and_learns_from_it(
    fit: Fit, capsys: pytest.CaptureFixture[str]
) -> None:
    first = fit("first", "--epochs", "1") / "best.safetensors"
    # At a rate of nearly nothing the weights stay what they were.
    still = ("--epochs", "1", "--learning_rate", "1e-9", "--init_weights", str(first))
    second = fit("second", *still, "--teacher", str(first), "--teacher_share", "0.3")
    assert f"{first}, PyTorch on cpu: asked about 12 faces" in capsys.readouterr().out
    before, after = (
        dict(load_checkpoint(path)[0].named_parameters())
        for path in (first, second / "best.safetensors")
    )
    assert all(torch.allclose(after[name], value, atol=1e-6) for name, value in before.items())
    with pytest.raises(UserError, match="the training began with teacher_share 0.3"):
        fit("second", *still, "--teacher", str(first), "--teacher_share", "0.2", "--resume")


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
