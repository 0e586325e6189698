"""Checkpoints come back whole, or are refused in one line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from runtime.errors import ManifestError, UserError
from runtime.manifest import METADATA_KEY, Manifest, Preprocess
from train.checkpoint import load_checkpoint, read_manifest, read_resumable, save_checkpoint
from train.model import EmotionNet, ModelOptions


@pytest.fixture(scope="module")
def net() -> EmotionNet:
    return EmotionNet(ModelOptions("test_resnet", lstm_hidden=8, lstm_layers=1), 8).eval()


@pytest.fixture(scope="module")
def manifest(net: EmotionNet) -> Manifest:
    return Manifest(
        preprocess=Preprocess(size=48, detail=48),
        temperature=1.25,
        model=net.describe(),
        metrics={"valid": {"n": 3, "accuracy": 0.5}},
    )


def test_round_trip(tmp_path: Path, net: EmotionNet, manifest: Manifest) -> None:
    path = tmp_path / "new" / "best.safetensors"
    save_checkpoint(path, net.state_dict(), manifest)
    loaded, read = load_checkpoint(path)
    assert read == manifest
    assert read == read_manifest(path)
    assert not loaded.training
    inputs = torch.rand(2, 3, 48, 48)
    with torch.inference_mode():
        assert torch.equal(loaded(inputs), net(inputs))


def test_file_set_and_metadata(tmp_path: Path, net: EmotionNet, manifest: Manifest) -> None:
    path = tmp_path / "best.safetensors"
    save_checkpoint(path, net.state_dict(), manifest)
    save_checkpoint(path, net.state_dict(), replace(manifest, temperature=2.0))
    assert [p.name for p in tmp_path.iterdir()] == ["best.safetensors"]
    # As readable as any other new file, not only for its owner.
    (tmp_path / "other").touch()
    assert path.stat().st_mode == (tmp_path / "other").stat().st_mode
    with safe_open(path, "pt") as file:
        assert set(file.keys()) == set(net.state_dict())
        assert set(file.metadata()) == {METADATA_KEY}
        assert json.loads(file.metadata()[METADATA_KEY])["temperature"] == 2.0


def test_memory_format_is_no_part_of_the_file(
    tmp_path: Path, net: EmotionNet, manifest: Manifest
) -> None:
    last = {
        k: v.to(memory_format=torch.channels_last) if v.ndim == 4 else v
        for k, v in net.state_dict().items()
    }
    save_checkpoint(tmp_path / "a", net.state_dict(), manifest)
    save_checkpoint(tmp_path / "b", last, manifest)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_damaged_files_are_refused(tmp_path: Path, net: EmotionNet, manifest: Manifest) -> None:
    path = tmp_path / "best.safetensors"
    with pytest.raises(UserError, match="no such checkpoint"):
        load_checkpoint(path)
    save_checkpoint(path, net.state_dict(), manifest)
    whole = path.read_bytes()
    for size in (0, 4, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(UserError, match="not a safetensors checkpoint"):
            load_checkpoint(path)
    torch.save(net.state_dict(), path)
    with pytest.raises(UserError, match="not a safetensors checkpoint"):
        load_checkpoint(path)


def test_no_manifest_is_refused(tmp_path: Path, net: EmotionNet) -> None:
    path = tmp_path / "bare.safetensors"
    save_file(net.state_dict(), path)
    with pytest.raises(ManifestError, match="no manifest"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    "change",
    [{"lstm_hidden": 16}, {"model_type": "baseline"}, {"backbone": "test_byobnet"}, {"depth": 3}],
)
def test_weights_of_another_network_are_refused(
    tmp_path: Path, net: EmotionNet, manifest: Manifest, change: dict[str, object]
) -> None:
    path = tmp_path / "best.safetensors"
    wrong = replace(manifest, model={**manifest.model, **change})
    save_checkpoint(path, net.state_dict(), wrong)
    with pytest.raises(ManifestError, match="don't match the manifest"):
        load_checkpoint(path)


def test_unusable_last_checkpoint_is_refused(tmp_path: Path, net: EmotionNet) -> None:
    path = tmp_path / "last.ckpt"
    with pytest.raises(UserError, match="--resume: no "):
        read_resumable(path, net)
    stopping = {"EarlyStopping{'monitor': 'x'}": {"wait_count": 4}}
    torch.save({"state_dict": net.state_dict(), "epoch": 6, "callbacks": stopping}, path)
    state = read_resumable(path, net)
    assert (state.epochs, state.waited) == (7, 4)
    whole = path.read_bytes()
    for damaged in (b"", whole[:1000], whole[:-10], b"x" * 1000):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"--resume: .* damaged"):
            read_resumable(path, net)
    for other in ({"state_dict": {}}, [1], {"state_dict": net.state_dict(), "callbacks": {}}):
        torch.save(other, path)
        with pytest.raises(UserError, match="of another network"):
            read_resumable(path, net)
