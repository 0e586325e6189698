"""Heat lies where the evidence is, and numbers are the runtime's own."""

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
from runtime.vision.preprocess import face_to_input
from tests.train.explain.conftest import LABELS, SIZE, save_network
from train.checkpoint import load_checkpoint
from train.explain.maps import explain_face
from train.explain.panels import draw
from train.models.emotion_net import MODEL_TYPES, EmotionNet, ModelOptions
from train.torch_engine import TorchEngine


class Brightness(nn.Module):
    """A backbone of one channel: how bright each sixteenth of the picture is."""

    def forward(self, x: Tensor) -> list[Tensor]:
        return [functional.avg_pool2d(x[:, :1], SIZE // 4)]


def bright_net() -> tuple[EmotionNet, Manifest]:
    """Happiness is a bright patch; neutral is its absence."""
    net = EmotionNet(ModelOptions("test_resnet", "baseline"), 2)
    net.backbone, net.head = Brightness(), nn.Linear(1, 2)
    with torch.no_grad():
        net.head.weight.copy_(torch.tensor([[-1.0], [1.0]]))
        net.head.bias.zero_()
    return net.eval(), Manifest(LABELS[:2], Preprocess(size=SIZE))


@pytest.mark.parametrize("low", [False, True])
@pytest.mark.parametrize("right", [False, True])
def test_the_class_map_peaks_in_the_quadrant_of_the_evidence(low: bool, right: bool) -> None:
    net, manifest = bright_net()
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


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_attention_and_probabilities_are_the_networks_own(
    tmp_path: Path, face: np.ndarray, model_type: str
) -> None:
    path = save_network(tmp_path / "c.safetensors", model_type)
    net, manifest = load_checkpoint(path)
    found = explain_face(net, manifest, face)
    expected = Classifier(TorchEngine.open(path)).classify([face])[0]
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


def test_what_makes_no_probabilities_is_an_error(checkpoint: Path, face: np.ndarray) -> None:
    net, manifest = load_checkpoint(checkpoint)
    with torch.no_grad():
        net.head.bias.fill_(math.nan)
    with pytest.raises(EngineError, match="isn't a finite number"):
        explain_face(net, manifest, face)
