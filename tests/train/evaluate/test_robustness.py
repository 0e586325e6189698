"""Accuracy under corruptions, of a model whose guesses are known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from runtime.manifest import EMOTIONS, Manifest, Preprocess
from train.data.corruptions import CORRUPTIONS, STRENGTHS
from train.datasets.faces import single_labels
from train.evaluate.robustness import Robustness, measure_robustness


class _Dark:
    """An engine that says happiness where a picture is bright, else neutral."""

    manifest = Manifest(labels=EMOTIONS[:2], preprocess=Preprocess(size=16, color="gray"))

    def infer(
        self, batch: NDArray[np.float32], outputs: Sequence[str] = ("logits",)
    ) -> dict[str, NDArray[np.float32]]:
        bright = batch.mean((1, 2, 3)) > 0
        return {"logits": np.stack([~bright, bright], 1).astype(np.float32)}

    def close(self) -> None:
        pass


def test_darkness_costs_what_it_must(capsys: pytest.CaptureFixture[str]) -> None:
    images = [np.full((24, 24), 200, np.uint8)] * 3 + [np.full((24, 24), 10, np.uint8)]
    faces = single_labels("set/valid", EMOTIONS[:2], images, [1, 1, 1, 0])
    found = measure_robustness(_Dark(), faces, np.arange(4), seed=0)
    assert (found.n, found.clean) == (4, 1.0)
    assert list(found.accuracy) == list(CORRUPTIONS)
    assert found.accuracy["dark"] == [1.0, 0.25, 0.25, 0.25, 0.25]
    assert found.accuracy["blur"] == [1.0] * len(STRENGTHS)
    # Of its 35 versions, four of each bright face are lost.
    np.testing.assert_allclose(found.by_face, [31 / 35] * 3 + [1])
    assert found.by_face.mean() == pytest.approx(found.figures()["mean"], abs=1e-4)
    assert "dark: 100.0% 25.0%" in capsys.readouterr().out


def test_figures_by_hand() -> None:
    accuracy = {"a": [0.8, 0.6, 0.4, 0.2, 0.0], "b": [0.8] * 5}
    found = Robustness(10, 0.8, accuracy, np.zeros(10)).figures()
    assert (found["mean"], found["of_clean"]) == (0.6, 0.75)
    assert found["loss"] == [0, 0.1, 0.2, 0.3, 0.4]
    assert found["rows"][0] == {
        "corruption": "a",
        **{f"strength_{s}": v for s, v in zip(STRENGTHS, accuracy["a"], strict=True)},
        "mean": 0.4,
        "of_clean": 0.5,
    }
    assert Robustness(10, 0.0, accuracy, np.zeros(10)).figures()["of_clean"] is None
