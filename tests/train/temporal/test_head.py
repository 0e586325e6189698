"""A head says what rebuilds it, and its file gives the same head back."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from runtime.emotion.temporal import KIND
from runtime.errors import ManifestError, UserError
from runtime.manifest import EMOTIONS, Manifest
from train.checkpoint import save_checkpoint
from train.temporal.head import HeadOptions, TemporalNet, load_head


def _save(path: Path, net: TemporalNet, **changes: object) -> Path:
    manifest = Manifest(labels=EMOTIONS[:3], model={**net.describe(), **changes})
    save_checkpoint(path, net.state_dict(), manifest)
    return path


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = TemporalNet(HeadOptions(steps=4, window_s=0.5, hidden=5), 3).eval()
    assert net.describe()["kind"] == KIND
    again, manifest = load_head(_save(tmp_path / "head.safetensors", net))
    assert again.options == net.options
    assert manifest.labels == EMOTIONS[:3]
    windows = torch.rand(2, 4, 3)
    with torch.inference_mode():
        assert torch.equal(again(windows), net(windows))


def test_steps_before_the_track_began_do_not_count() -> None:
    net = TemporalNet(HeadOptions(steps=4, hidden=5), 3).eval()
    window = torch.zeros(1, 4, 3)
    window[:, 2:] = torch.tensor([0.7, 0.2, 0.1])
    with torch.inference_mode():
        torch.testing.assert_close(net(window).softmax(1), window[:, -1], atol=1e-4, rtol=1e-4)


def test_files_of_something_else_are_refused(tmp_path: Path) -> None:
    net = TemporalNet(HeadOptions(hidden=5), 3)
    path = tmp_path / "head.safetensors"
    with pytest.raises(ManifestError, match="not a temporal head"):
        load_head(_save(path, net, kind="other"))
    with pytest.raises(ManifestError, match="the weights don't match the manifest"):
        load_head(_save(path, net, hidden=6))
    with pytest.raises(ManifestError, match="the weights don't match the manifest"):
        load_head(_save(path, net, unknown=1))
    with pytest.raises(UserError, match="no such checkpoint"):
        load_head(tmp_path / "none.safetensors")
