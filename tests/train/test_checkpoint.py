"""Checkpoints come back whole, or are refused in one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from runtime.errors import ManifestError, UserError
from runtime.manifest import METADATA_KEY, Manifest, Preprocess
from tests.conftest import REPO
from train.checkpoint import load_checkpoint, read_manifest, read_resumable, save_checkpoint
from train.models.emotion_net import EmotionNet, ModelOptions


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
    [
        {"lstm_hidden": 16},
        {"model_type": "baseline"},
        {"backbone": "test_byobnet"},
        {"depth": 3},
        # An untrusted file may say anything.
        {"backbone": "hf-hub:stranger/model"},
        {"backbone": "stranger/model"},
        {"backbone": 3},
        {"model_type": ["full"]},
        {"lstm_hidden": 10**7},
        {"lstm_hidden": 10**30},
        {"lstm_hidden": "many"},
        {"lstm_layers": 10**9},
        {"lstm_layers": 0},
        {"reduction": 0},
        {"dropout": 7.0},
    ],
)
def test_weights_of_another_network_are_refused(
    tmp_path: Path, net: EmotionNet, manifest: Manifest, change: dict[str, object]
) -> None:
    path = tmp_path / "best.safetensors"
    wrong = replace(manifest, model={**manifest.model, **change})
    save_checkpoint(path, net.state_dict(), wrong)
    with pytest.raises(ManifestError, match="don't match the manifest|is not JSON"):
        load_checkpoint(path)


@pytest.mark.parametrize("scheme", ["hf-hub:", "hf_hub:", "local-dir:"])
def test_an_untrusted_checkpoint_asks_no_hub(
    tmp_path: Path, net: EmotionNet, manifest: Manifest, scheme: str
) -> None:
    """Neither a hub, which is here a server that counts, nor a folder is asked."""
    asked = []

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers["Authorization"]))
            self.send_error(404)

        do_HEAD = do_GET

    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "config.json").write_text('{"architecture": "test_resnet"}')
    path = tmp_path / "untrusted.safetensors"
    model = {**manifest.model, "backbone": f"{scheme}{folder if scheme[0] == 'l' else 'a/b'}"}
    save_checkpoint(path, net.state_dict(), replace(manifest, model=model))
    code = "import sys, pathlib as p, train.checkpoint as c; c.load_checkpoint(p.Path(sys.argv[1]))"
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever).start()
        env = {"HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "HF_TOKEN": "secret"}
        done = subprocess.run(
            [sys.executable, "-c", code, str(path)],
            env={**os.environ, **env, "HOME": str(tmp_path), "PYTHONPATH": str(REPO)},
            capture_output=True,
            text=True,
        )
        server.shutdown()
    assert asked == []
    assert "ManifestError" in done.stderr


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
