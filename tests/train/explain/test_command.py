"""Heat lies where the evidence is, numbers are the runtime's own, files never collide."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from runtime.emotion.classifier import Classifier
from runtime.errors import EngineError
from runtime.manifest import Manifest, Preprocess
from runtime.support.cli import run_command
from runtime.vision.preprocess import face_to_input
from tests.conftest import PORTRAIT
from train.checkpoint import load_checkpoint, save_checkpoint
from train.explain.command import main
from train.explain.maps import explain_face
from train.explain.panels import draw
from train.inference import TorchEngine
from train.models.emotion_net import MODEL_TYPES, EmotionNet, ModelOptions

SIZE = 64
LABELS = ("neutral", "happiness", "anger")


def _checkpoint(path: Path, model_type: str) -> Path:
    torch.manual_seed(1)
    net = EmotionNet(ModelOptions("test_resnet", model_type, lstm_hidden=8), len(LABELS))
    manifest = Manifest(
        LABELS, Preprocess(size=SIZE, detail=48), temperature=1.7, model=net.describe()
    )
    save_checkpoint(path, net.state_dict(), manifest)
    return path


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _checkpoint(tmp_path_factory.mktemp("explain") / "full.safetensors", "full")


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (57, 57, 3)).astype(np.uint8)


def explain(*argv: object) -> int:
    return run_command(main, [str(a) for a in argv])


class _Brightness(nn.Module):
    """A backbone of one channel: how bright each sixteenth of the picture is."""

    def forward(self, x: Tensor) -> list[Tensor]:
        return [functional.avg_pool2d(x[:, :1], SIZE // 4)]


def _bright_net() -> tuple[EmotionNet, Manifest]:
    """Happiness is a bright patch; neutral is its absence."""
    net = EmotionNet(ModelOptions("test_resnet", "baseline"), 2)
    net.backbone, net.head = _Brightness(), nn.Linear(1, 2)
    with torch.no_grad():
        net.head.weight.copy_(torch.tensor([[-1.0], [1.0]]))
        net.head.bias.zero_()
    return net.eval(), Manifest(LABELS[:2], Preprocess(size=SIZE))


@pytest.mark.parametrize("low", [False, True])
@pytest.mark.parametrize("right", [False, True])
def test_the_class_map_peaks_in_the_quadrant_of_the_evidence(low: bool, right: bool) -> None:
    net, manifest = _bright_net()
    rows, columns = (slice(SIZE // 2 * side, SIZE // 2 * (1 + side)) for side in (low, right))
    face = np.zeros((SIZE, SIZE, 3), np.uint8)
    face[rows, columns] = 255
    found = explain_face(net, manifest, face, target=1)
    assert found.class_map.shape == (4, 4)
    inside = np.zeros((4, 4), bool)
    inside[2 * low : 2 * low + 2, 2 * right : 2 * right + 2] = True
    assert (found.class_map[inside] > 0).all()
    assert not found.class_map[~inside].any()
    # Drawn, the heat lies over the same part of the face.
    below, above = draw(found).axes[1].images
    assert below.get_extent() == above.get_extent()
    heat = np.asarray(above.get_array())
    assert heat.shape == (SIZE, SIZE)
    outside = np.ones(heat.shape, bool)
    outside[rows, columns] = False
    assert heat[rows, columns].mean() > 5 * heat[outside].mean()
    y, x = np.unravel_index(heat.argmax(), heat.shape)
    assert (y >= SIZE // 2, x >= SIZE // 2) == (low, right)
    # The same patch speaks against the other label.
    assert not explain_face(net, manifest, face, target=0).class_map[inside].any()


def test_a_map_of_nothing_says_so() -> None:
    net, manifest = _bright_net()
    found = explain_face(net, manifest, np.zeros((SIZE, SIZE), np.uint8), target=1)
    assert not found.class_map.any()
    assert draw(found).axes[1].get_title() == "class map: happiness (nothing)"


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_attention_and_probabilities_are_the_networks_own(
    tmp_path: Path, face: np.ndarray, model_type: str
) -> None:
    path = _checkpoint(tmp_path / "c.safetensors", model_type)
    net, manifest = load_checkpoint(path)
    found = explain_face(net, manifest, face)
    expected = Classifier(TorchEngine(path)).classify([face])[0]
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-5)
    assert found.target == expected.argmax()
    titles = [axis.get_title() for axis in draw(found).axes]
    attends = [title.startswith("spatial attention") for title in titles]
    assert attends == ([False, True, False, False] if found.attention is not None else [False] * 3)
    # Nothing stays behind in the network.
    assert not any(m._forward_hooks for m in net.modules())
    assert all(p.grad is None for p in net.parameters())
    if model_type == "baseline":
        assert found.attention is None
        return
    channel, spatial = net.attention  # type: ignore[misc]
    with torch.inference_mode():
        pixels = torch.from_numpy(face_to_input(face, manifest.preprocess))
        x = channel(net.backbone(pixels[None])[0])
        pooled = torch.stack([x[0].mean(0), x[0].amax(0)])[None]
        weights = functional.conv2d(pooled, spatial.conv.weight, padding=3).sigmoid()
        torch.testing.assert_close(spatial(x), x * weights)
    np.testing.assert_allclose(found.attention, weights[0, 0].numpy(), rtol=1e-5)


def test_the_face_is_shown_as_the_network_saw_it(checkpoint: Path, face: np.ndarray) -> None:
    net, manifest = load_checkpoint(checkpoint)
    seen = explain_face(net, manifest, face).seen
    assert seen.shape == (SIZE, SIZE, 3)
    assert (seen[..., 0] == seen[..., 2]).all()  # grey, as the manifest asks
    plain = cv2.resize(cv2.cvtColor(face, cv2.COLOR_BGR2GRAY), (48, 48), interpolation=3)
    plain = cv2.resize(plain, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)
    assert np.abs(seen[..., 0].astype(int) - plain).max() <= 1


def test_a_picture_for_each_face_and_none_for_none(
    tmp_path: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blank, out = tmp_path / "blank.png", tmp_path / "out"
    cv2.imwrite(str(blank), np.full((200, 200), 128, np.uint8))
    assert explain(blank, PORTRAIT, "--checkpoint", checkpoint, "--output_dir", out) == 0
    said = capsys.readouterr().out
    assert f"{blank}: no face" in said
    (path,) = out.iterdir()
    assert path.name == "astronaut_face1.png"
    assert str(path) in said
    assert cv2.imread(str(path)).shape == (320, 1040, 3)
    assert path.stat().st_size < 200_000


def test_names_never_collide_nor_replace_an_input(
    tmp_path: Path, checkpoint: Path, face: np.ndarray
) -> None:
    inputs = [tmp_path / "a" / "x.jpg", tmp_path / "b" / "x.jpg", tmp_path / "b" / "x_2.png"]
    inputs += [tmp_path / "o" / "y.png", tmp_path / "o" / "y_face1.png"]
    for path in inputs:
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), face)
    before = {p: p.read_bytes() for p in inputs}
    flags = ("--face_crops", "--checkpoint", checkpoint, "--output_dir", tmp_path / "o")
    assert explain(*inputs, *flags) == 0
    assert {p: p.read_bytes() for p in inputs} == before
    made = {p.name for p in (tmp_path / "o").iterdir()} - {p.name for p in inputs}
    assert made == {
        *("x_face1.png", "x_2_face1.png", "x_2_2_face1.png"),
        *("y_2_face1.png", "y_face1_face1.png"),
    }


def test_one_bad_picture_costs_only_itself(
    tmp_path: Path, checkpoint: Path, face: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.jpg").write_text("no")
    cv2.imwrite(str(tmp_path / "good.png"), face)
    out = tmp_path / "out"
    assert explain(tmp_path, "--face_crops", "--checkpoint", checkpoint, "--output_dir", out) == 2
    assert [p.name for p in out.iterdir()] == ["good_face1.png"]
    said = capsys.readouterr().err
    assert "skipped:" in said
    assert "bad.jpg" in said
    assert said.endswith("error: 1 of the pictures could not be read (see above)\n")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--checkpoint", "m.onnx"], "no gradients; name the checkpoint it came from"),
        (["--checkpoint", "m.plan"], "no gradients; name the checkpoint it came from"),
        (["--checkpoint", "none.safetensors"], "none.safetensors: no such checkpoint"),
        (["--target", "joy"], "invalid choice: 'joy'"),
        (["--target", "fear"], "--target fear: the model knows neutral, happiness, anger"),
        (["--output_dir", str(PORTRAIT)], "can't make its folder"),
        (["{empty}"], "no picture in this folder"),
    ],
)
def test_mistakes_are_told_in_one_line(
    tmp_path: Path,
    checkpoint: Path,
    capsys: pytest.CaptureFixture[str],
    flags: list[str],
    message: str,
) -> None:
    (tmp_path / "empty").mkdir()
    given = [flag.format(empty=tmp_path / "empty") for flag in flags]
    usual = ["--checkpoint", str(checkpoint), "--output_dir", str(tmp_path / "out")]
    assert explain(PORTRAIT, *usual, *given) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert said.err.count("\n") == 1
    assert not said.out


def test_what_makes_no_probabilities_is_an_error(checkpoint: Path, face: np.ndarray) -> None:
    net, manifest = load_checkpoint(checkpoint)
    with torch.no_grad():
        net.head.bias.fill_(math.nan)
    with pytest.raises(EngineError, match="isn't a finite number"):
        explain_face(net, manifest, face)


def test_names_reach_the_terminal_escaped(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a\x1b[2J.png").write_bytes(PORTRAIT.read_bytes())
    (tmp_path / "b\x1b[2J.png").write_text("no picture")
    folder = tmp_path / "out"
    assert explain(tmp_path, "--checkpoint", checkpoint, "--output_dir", folder, "--face_crops")
    said = capsys.readouterr()
    assert "a\\x1b[2J.png: face 1" in said.out
    assert "skipped" in said.err
    assert "\x1b" not in said.out + said.err
