"""One way to logits: every face in its place, the last batch too, and only finite ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from runtime.errors import UserError
from runtime.manifest import EMOTIONS, Manifest, Preprocess
from runtime.vision.preprocess import face_to_input
from train.checkpoint import save_checkpoint
from train.datasets.faces import FaceSet, single_labels
from train.inference import BATCH, face_logits, input_logits, open_model
from train.models.emotion_net import EmotionNet, ModelOptions
from train.torch_engine import TorchEngine


class Mean:
    """An engine whose first logit is the input's mean; it notes its batches."""

    name = "mean"
    manifest = Manifest(labels=EMOTIONS[:2], preprocess=Preprocess(size=16, color="gray"))

    def __init__(self) -> None:
        self.batches: list[int] = []

    def infer(
        self, batch: NDArray[np.float32], outputs: Sequence[str] = ("logits",)
    ) -> dict[str, NDArray[np.float32]]:
        return {"logits": self.logits(batch)}

    def logits(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        self.batches.append(len(batch))
        return np.stack([batch.mean((1, 2, 3)), np.zeros(len(batch))], 1).astype(np.float32)

    def close(self) -> None:
        pass


@pytest.fixture
def faces() -> FaceSet:
    images = [np.full((20, 20), i, np.uint8) for i in range(BATCH + 9)]
    return single_labels("set/valid", EMOTIONS[:2], images, [i % 2 for i in range(BATCH + 9)])


def test_each_face_has_its_own_row(faces: FaceSet) -> None:
    engine = Mean()
    logits = face_logits(engine, faces)
    assert engine.batches == [BATCH, 9]
    expected = [face_to_input(f, engine.manifest.preprocess).mean() for f in faces.images]
    np.testing.assert_allclose(logits[:, 0], expected, atol=1e-6)


def test_prepared_inputs_go_in_batches_of_ones_choice(faces: FaceSet) -> None:
    engine = Mean()
    inputs = np.stack([face_to_input(f, engine.manifest.preprocess) for f in faces.images])
    logits = input_logits(engine.logits, inputs, "inputs", 30)
    assert engine.batches == [30, 30, 13]
    np.testing.assert_array_equal(logits, face_logits(engine, faces))


def test_what_is_not_finite_is_one_line(faces: FaceSet) -> None:
    class Broken(Mean):
        def logits(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
            return np.full((len(batch), 2), np.nan, np.float32)

    with pytest.raises(UserError, match=r"mean: its logits are not finite \(set/valid\)"):
        face_logits(Broken(), faces)
    with pytest.raises(UserError, match=r"not finite \(blur 3\)"):
        face_logits(Broken(), faces, "blur 3")


def test_every_form_of_a_model_opens(tmp_path: Path, tiny_engine: Path) -> None:
    torch.manual_seed(0)
    net = EmotionNet(ModelOptions("test_resnet", "baseline"), 2)
    manifest = Manifest(EMOTIONS[:2], Preprocess(size=32), model=net.describe())
    save_checkpoint(tmp_path / "best.safetensors", net.state_dict(), manifest)
    opened = open_model(str(tmp_path / "best.safetensors"))
    assert isinstance(opened, TorchEngine)
    assert opened.manifest == manifest
    assert open_model(str(tiny_engine)).manifest.labels == EMOTIONS
    with pytest.raises(UserError, match="no such"):
        open_model(str(tmp_path / "none.onnx"))
