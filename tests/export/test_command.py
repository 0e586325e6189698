"""The export from the command line: what it publishes, and what it refuses to."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from safetensors.torch import load_file, save_file

from export.__main__ import PROG, ExportOptions, main
from runtime.engines.sidecar import read_sidecar
from runtime.errors import UserError
from runtime.manifest import METADATA_KEY, Manifest, file_hash
from runtime.support.cli import parse_options, run_command
from train.checkpoint import load_checkpoint, read_manifest, save_checkpoint

ROOT = Path(__file__).parents[2]
FERPLUS = ROOT.parent / "shared" / "data" / "ferplus"
CONFIGS = sorted((ROOT / "configs" / "export").glob("*.yaml"))


def _export(checkpoint: Path, folder: Path, *flags: str) -> int:
    return main(["--checkpoint", str(checkpoint), "--output_dir", str(folder), *flags])


@pytest.fixture(scope="module")
def command(
    full_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory
) -> subprocess.CompletedProcess[str]:
    """The export of the whole architecture, in a process of its own."""
    folder = tmp_path_factory.mktemp("artifacts") / "new"
    flags = ["--checkpoint", str(full_checkpoint), "--output_dir", str(folder)]
    result = subprocess.run(
        [sys.executable, "-m", "export", *flags],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result


@pytest.fixture
def folder(command: subprocess.CompletedProcess[str]) -> Path:
    """Where the whole architecture was exported to."""
    return Path(command.args[-1])


def test_says_what_it_does_and_nothing_else(
    command: subprocess.CompletedProcess[str], folder: Path, full_checkpoint: Path
) -> None:
    lines = command.stdout.splitlines()
    assert len(lines) == 6
    assert lines[0].startswith(f"{full_checkpoint}: tf_efficientnet_lite0, full, 64 px")
    assert "largest difference of a probability" in lines[4]
    assert lines[5].startswith(f"{folder / 'emotion.onnx'}: fp32")
    assert command.stderr == ""


def test_publishes_the_model_and_its_sidecar_and_nothing_else(folder: Path) -> None:
    assert {p.name for p in folder.iterdir()} == {"emotion.onnx", "emotion.json"}


def test_onnx_runtime_gives_pytorchs_logits_at_any_batch(
    folder: Path, full_checkpoint: Path
) -> None:
    session = onnxruntime.InferenceSession(
        folder / "emotion.onnx", providers=["CPUExecutionProvider"]
    )
    (inputs,), outputs = session.get_inputs(), session.get_outputs()
    assert (inputs.name, inputs.shape, inputs.type) == (
        "input",
        ["batch", 3, 64, 64],
        "tensor(float)",
    )
    assert [(out.name, out.shape[0]) for out in outputs] == [
        ("logits", "batch"),
        ("embedding", "batch"),
    ]
    assert outputs[0].shape == ["batch", 8]
    net, _ = load_checkpoint(full_checkpoint)
    faces = np.random.default_rng(0).uniform(-1, 1, (8, 3, 64, 64)).astype(np.float32)
    for batch in (1, 2, 3, 8):
        (logits,) = session.run(["logits"], {"input": faces[:batch]})
        with torch.inference_mode():
            expected = net(torch.from_numpy(faces[:batch])).numpy()
        np.testing.assert_allclose(logits, expected, atol=1e-5)


def test_graph_is_self_contained_and_clean(folder: Path) -> None:
    model = onnx.load(folder / "emotion.onnx", load_external_data=False)
    onnx.checker.check_model(model, full_check=True)
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 20)]
    kinds = {node.op_type for node in model.graph.node}
    assert {"Conv", "LSTM"} <= kinds
    # What fixed sizes and folding should have left nothing of.
    assert not kinds & {"Shape", "Gather", "GatherND", "Where", "Expand", "Slice"}
    weights = {tensor.name for tensor in model.graph.initializer}
    layers = [node for node in model.graph.node if node.op_type == "LSTM"]
    assert len(layers) == 2
    assert all(weights.issuperset(layer.input[1:4]) for layer in layers)
    assert all(
        tensor.data_location == onnx.TensorProto.DEFAULT for tensor in model.graph.initializer
    )
    # No paths of the machine that made it.
    assert str(ROOT).encode() not in model.SerializeToString()


def test_manifest_travels_inside_and_beside(folder: Path, full_checkpoint: Path) -> None:
    path = folder / "emotion.onnx"
    metadata = onnxruntime.InferenceSession(
        path, providers=["CPUExecutionProvider"]
    ).get_modelmeta()
    assert set(metadata.custom_metadata_map) == {METADATA_KEY}
    inside = Manifest.from_json(metadata.custom_metadata_map[METADATA_KEY])
    beside = read_sidecar(path)
    assert beside is not None
    assert beside.sha256 == file_hash(path)
    assert inside.sha256 is None
    assert inside.agrees_with(beside)
    trained = read_manifest(full_checkpoint)
    for manifest in (inside, beside):
        assert manifest.agrees_with(trained)
        assert manifest.metrics == trained.metrics
        assert manifest.model == trained.model
        assert {"torch", "onnx", "onnxsim", "onnxruntime"} <= set(manifest.tools)
        assert manifest.tools["torch"] == torch.__version__.split("+")[0]


def test_proof_is_of_real_faces_at_three_batch_sizes(folder: Path) -> None:
    proof: Any = json.loads((folder / "emotion.json").read_text())["proof"]
    assert set(proof["max_difference"]) == {"1", "3", "8"}
    assert all(0 <= gap <= proof["limit"] == 1e-4 for gap in proof["max_difference"].values())
    assert proof["n"] == 12
    assert "built-in demo" in proof["faces"]


def test_unequal_probabilities_publish_nothing_and_spare_the_older_artifact(
    small_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("emotion.onnx", "emotion.json"):
        (tmp_path / name).write_text(f"older {name}")
    with pytest.raises(UserError, match=r"at batch 1, .* over the limit of 0\.0e\+00"):
        _export(small_checkpoint, tmp_path, "--max_difference", "0")
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {
        name: f"older {name}" for name in ("emotion.onnx", "emotion.json")
    }
    # So does a network that gives no numbers at all.
    net, manifest = load_checkpoint(small_checkpoint)
    net.head.weight.data.fill_(float("nan"))
    broken = tmp_path / "nan.safetensors"
    save_checkpoint(broken, net.state_dict(), manifest)
    with pytest.raises(UserError, match="nan at batch 1"):
        _export(broken, tmp_path)
    assert (tmp_path / "emotion.onnx").read_text() == "older emotion.onnx"

    # So does a disk that fills up.
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UserError, match=r"emotion\.onnx: No space left"):
        _export(small_checkpoint, tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"emotion.onnx", "emotion.json", broken.name}
    assert (tmp_path / "emotion.onnx").read_text() == "older emotion.onnx"


def test_proof_on_a_data_set_and_another_name(small_checkpoint: Path, tmp_path: Path) -> None:
    faces = np.random.default_rng(0).integers(0, 256, (10, 40, 40, 3))
    (tmp_path / "valid" / "fear").mkdir(parents=True)
    for i, face in enumerate(faces):
        cv2.imwrite(str(tmp_path / "valid" / "fear" / f"{i}.png"), face)
    (tmp_path / "emotion-v2.onnx").write_text("older")
    data = ["--data_dir", str(tmp_path), "--dataset", "folder"]
    assert _export(small_checkpoint, tmp_path, *data, "--name", "emotion-v2") == 0
    manifest = read_sidecar(tmp_path / "emotion-v2.onnx")
    assert manifest is not None
    assert manifest.proof["n"] == 10
    assert manifest.proof["faces"] == f"{tmp_path.name}/valid"
    with pytest.raises(UserError, match="at least 8 are needed"):
        _export(small_checkpoint, tmp_path, *data, "--samples", "7")


@pytest.mark.skipif(not FERPLUS.is_dir(), reason=f"no FER+ at {FERPLUS}")
def test_proof_on_ferplus(small_checkpoint: Path, tmp_path: Path) -> None:
    assert _export(small_checkpoint, tmp_path, "--data_dir", str(FERPLUS), "--samples", "32") == 0
    manifest = read_sidecar(tmp_path / "emotion.onnx")
    assert manifest is not None
    assert (manifest.proof["faces"], manifest.proof["n"]) == ("ferplus/valid", 32)


def test_damaged_checkpoints_are_refused(small_checkpoint: Path, tmp_path: Path) -> None:
    for path in (tmp_path / "none.safetensors", tmp_path):
        with pytest.raises(UserError, match="no such checkpoint"):
            _export(path, tmp_path)
    truncated = tmp_path / "truncated.safetensors"
    truncated.write_bytes(small_checkpoint.read_bytes()[:-1000])
    with pytest.raises(UserError, match="not a safetensors checkpoint"):
        _export(truncated, tmp_path)
    bare = tmp_path / "bare.safetensors"
    save_file(load_file(small_checkpoint), bare)
    with pytest.raises(UserError, match="no manifest"):
        _export(bare, tmp_path)
    assert not list(tmp_path.glob("emotion*"))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--precision", "fp32,int8"], "--precision int8 needs faces to calibrate with"),
        (["--precision", "int8", "--data_dir", ".", "--split", "train"], "--split train: INT8 is"),
        (["--precision", "int8", "--ranges", "/none.json"], "or a file of ranges that is there"),
        (
            ["--precision", "fp64"],
            "--precision 'fp64': the precisions are fp32, fp16, int8",
        ),
        (["--name", "../emotion"], "--name must be a plain file name"),
        (["--max_difference", "-1"], "--max_difference must be 0 or more"),
        (["--max_difference", "nan"], "--max_difference must be 0 or more"),
        (
            ["--output_dir", "/dev/null/out"],
            "--output_dir /dev/null/out/emotion.onnx: can't make its folder (Not a directory)",
        ),
        (["--output_dir", __file__], "can't make its folder"),
        (["--bogus"], "unrecognized arguments: --bogus"),
    ],
)
def test_mistakes_are_told_before_anything_slow(
    flags: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    needed = ["--checkpoint", "unread.safetensors", "--output_dir", str(tmp_path)]
    assert run_command(main, [*needed, *flags]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert len(captured.err.splitlines()) == 1
    assert not captured.out


def test_help_needs_no_torch() -> None:
    code = "import sys, export.__main__ as m; sys.modules['torch'] = None; m.main(['--help'])"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert all(f"--{name}" in result.stdout for name in ExportOptions.__dataclass_fields__)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configs_parse(config: Path) -> None:
    needed = ["--checkpoint", "C", "--output_dir", "O"]
    assert parse_options(ExportOptions, PROG, ["--config", str(config), *needed]).checkpoint == "C"
