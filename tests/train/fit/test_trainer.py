"""Checkpoints are whole, and devices that are not here are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.errors import UserError
from tests.train.fit.conftest import Fit


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


@pytest.mark.parametrize(
    "flags", [("--accelerator", "abacus"), ("--strategy", "luck"), ("--devices", "none")]
)
def test_devices_that_are_not_here_are_one_line(fit: Fit, flags: tuple[str, ...]) -> None:
    with pytest.raises(UserError, match="--accelerator, --devices, --strategy or --precision: "):
        fit("nowhere", *flags)
