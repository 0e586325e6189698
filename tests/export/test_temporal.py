"""A head as ONNX: the same probabilities, in PyTorch, ONNX Runtime and the runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from export.graph.checks import check_file
from export.temporal import made_windows, main
from runtime.emotion.temporal import open_head
from runtime.engines.sidecar import read_sidecar
from runtime.manifest import EMOTIONS, METADATA_KEY, Manifest, sidecar_path
from runtime.support.cli import run_command
from train.checkpoint import save_checkpoint
from train.temporal.head import HeadOptions, TemporalNet, load_head


def _save(path: Path, **options: int) -> Path:
    torch.manual_seed(0)
    net = TemporalNet(HeadOptions(**options), len(EMOTIONS))  # type: ignore[arg-type]
    for layer in (net.trust, net.correct):
        # As if trained: from zeros, their part of the graph would show nothing.
        torch.nn.init.normal_(layer.weight)
    manifest = Manifest(temperature=0.8, model=net.describe(), tools={"torch": "0"})
    save_checkpoint(path, net.state_dict(), manifest)
    return path


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _save(tmp_path_factory.mktemp("head") / "head.safetensors", steps=7, hidden=6)


@pytest.fixture(scope="module")
def exported(head: Path) -> Path:
    path = head.with_name("head.onnx")
    assert main(["--head", str(head), "--output", str(path)]) == 0
    return path


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_the_runtime_gives_pytorchs_probabilities(head: Path, exported: Path, batch: int) -> None:
    net, manifest = load_head(head)
    opened = open_head(exported)
    assert (opened.steps, opened.window_s, opened.labels) == (7, 1.0, EMOTIONS)
    windows = made_windows(7, 8)[:batch]
    with torch.inference_mode():
        logits = net(torch.from_numpy(windows)).double() / manifest.temperature
    wanted = logits.softmax(1).numpy()
    assert np.allclose(opened.read(windows), wanted, atol=1e-5)
    assert np.ptp(wanted) > 0.05


def test_manifest_proof_and_graph(exported: Path) -> None:
    model = onnx.load(exported)
    inside = Manifest.from_json({p.key: p.value for p in model.metadata_props}[METADATA_KEY])
    beside = read_sidecar(exported)
    assert beside is not None
    assert beside.agrees_with(inside)
    assert sidecar_path(exported).is_file()
    assert inside.temperature == 0.8
    assert set(inside.proof["max_difference"]) == {"1", "3", "8"}
    assert {n.op_type for n in model.graph.node} >= {"LSTM"}
    check_file(exported)


def test_windows_of_the_proof_hold_young_tracks() -> None:
    windows = made_windows(7, 8)
    assert (windows[:, 0].sum(1) == 0).any()
    assert (windows[:, -1].sum(1) > 0.99).all()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--head {head} --output x.plan", "must be an .onnx"),
        ("--head none.safetensors --output x.onnx", "no such checkpoint"),
        ("--head {other} --output x.onnx", "not a temporal head"),
        ("--head {features} --output x.onnx", "features"),
        ("--head {head} --output x.onnx --max_difference 0", "differs from PyTorch"),
    ],
)
def test_mistakes_are_one_line_and_publish_nothing(
    flags: str, message: str, head: Path, small_checkpoint: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    features = _save(tmp_path / "features.safetensors", steps=4, hidden=4, features=3)
    files = {"head": head, "other": small_checkpoint, "features": features}
    assert run_command(main, flags.format(**files).split()) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
    assert not list(tmp_path.glob("x.*"))
