"""Observations hold what the network says of each frame, and what is true of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from runtime.emotion.classifier import softmax
from runtime.manifest import EMOTIONS, Manifest, Preprocess
from runtime.vision.preprocess import face_to_input
from train.datasets.faces import single_labels
from train.models.emotion_net import EmotionNet, ModelOptions
from train.temporal.observations import observe
from train.temporal.sequences import SequenceOptions, make_sequence

OPTIONS = SequenceOptions(seconds=0.5, fps=(8, 12), change=1)


@pytest.mark.parametrize("model_type", ["baseline", "full"])
def test_each_frame_is_read_alone(model_type: str) -> None:
    torch.manual_seed(0)
    net = EmotionNet(ModelOptions("test_resnet", model_type, lstm_hidden=4), 2).eval()
    manifest = Manifest(EMOTIONS[:2], Preprocess(size=32), temperature=2.0, model=net.describe())
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (32, 32)).astype(np.uint8) for _ in range(4)]
    faces = single_labels("set", EMOTIONS[:2], images, [0, 1, 0, 1])
    found = observe(net, manifest, faces, OPTIONS, 2, (5, 1))
    assert len(found) == 2
    for number, seen in enumerate(found):
        sequence = make_sequence(faces, OPTIONS, np.random.default_rng((5, 1, number)))
        inputs = [face_to_input(frame, manifest.preprocess) for frame in sequence.frames]
        with torch.inference_mode():
            logits = net(torch.from_numpy(np.stack(inputs))).cpu().numpy()
        np.testing.assert_allclose(seen.probabilities, softmax(logits, 2.0), atol=1e-5)
        np.testing.assert_array_equal(seen.truth, faces.majority[sequence.faces])
        np.testing.assert_array_equal(seen.times, sequence.times)
        assert seen.change == sequence.change
        # The features are what the last layer reads: they give the same logits.
        head = net.head.cpu()
        again = seen.features @ head.weight.detach().numpy().T + head.bias.detach().numpy()
        np.testing.assert_allclose(again, logits, atol=1e-4)
    # Nothing stays behind in the network.
    assert not net.head._forward_pre_hooks
