"""Uncertainty about background crops: where they are cut, and what their logits say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from runtime.errors import UserError
from runtime.manifest import EMOTIONS, Manifest, Preprocess
from tests.conftest import REPO
from train.datasets.faces import FaceSet
from train.evaluate.backgrounds import _places, cut_background_crops, measure_backgrounds


class _Brightness:
    """An engine that is sure of bright pictures only."""

    name = "brightness"
    manifest = Manifest(labels=EMOTIONS, preprocess=Preprocess(size=16, color="gray"))

    def infer(
        self, batch: NDArray[np.float32], outputs: Sequence[str] = ("logits",)
    ) -> dict[str, NDArray[np.float32]]:
        logits = np.zeros((len(batch), len(EMOTIONS)), np.float32)
        logits[:, 1] = 8 * batch.mean((1, 2, 3)).clip(0, 1)
        return {"logits": logits}

    def close(self) -> None:
        pass


def _faces(shades: list[int]) -> FaceSet:
    count = len(shades)
    images = [np.full((48, 48), shade, np.uint8) for shade in shades]
    votes = np.zeros((count, len(EMOTIONS)), np.float32)
    votes[:, 1] = 1
    return FaceSet("faces", EMOTIONS, images, votes, np.ones(count, np.int64))


@pytest.mark.parametrize(("shade", "auroc", "uncertain"), [(20, 1.0, 1.0), (250, 0.0, 0.0)])
def test_dark_backgrounds_are_uncertain_and_bright_ones_are_not(
    tmp_path: Path, shade: int, auroc: float, uncertain: float
) -> None:
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((120, 160, 3), shade, np.uint8))
    engine, faces = _Brightness(), _faces([200, 210, 220])
    inputs = np.stack([np.full((3, 16, 16), f[0, 0] / 127.5 - 1) for f in faces.images])
    logits = engine.infer(inputs)["logits"]
    crops = cut_background_crops([str(tmp_path / "wall.png")], engine.manifest.preprocess, 0)
    found = measure_backgrounds(engine, crops, logits, faces)
    assert found.n == 8
    assert (found.auroc, found.uncertain, found.uncertain_faces) == (auroc, uncertain, 0.0)
    assert found.figures() == {
        "n": 8,
        "auroc": auroc,
        "uncertain": uncertain,
        "uncertain_faces": 0.0,
    }


def test_a_folder_of_pictures_gives_background_crops() -> None:
    engine, faces = _Brightness(), _faces([200])
    logits = engine.infer(np.ones((1, 3, 16, 16), np.float32))["logits"]
    crops = cut_background_crops([str(REPO / "runtime" / "assets")], engine.manifest.preprocess, 0)
    found = measure_backgrounds(engine, crops, logits, faces)
    assert 1 <= found.n <= 8


def test_a_source_without_room_is_one_line(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "tiny.png"), np.zeros((30, 30, 3), np.uint8))
    with pytest.raises(UserError, match="no place without a face"):
        cut_background_crops([str(tmp_path / "tiny.png")], Preprocess(size=16), 0)
    with pytest.raises(UserError, match="none.png"):
        cut_background_crops([str(tmp_path / "none.png")], Preprocess(size=16), 0)


boxes = st.tuples(*[st.floats(-50, 400)] * 4).map(
    lambda b: (min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3]))
)


@given(
    shape=st.tuples(st.integers(1, 400), st.integers(1, 400)),
    taken=st.lists(boxes, max_size=4),
    seed=st.integers(0, 2**32),
)
def test_places_lie_inside_and_touch_no_box(
    shape: tuple[int, int], taken: list[tuple[float, float, float, float]], seed: int
) -> None:
    for x1, y1, x2, y2 in _places(shape, taken, np.random.default_rng(seed)):
        assert 0 <= x1 < x2 <= shape[1] + 1e-6
        assert 0 <= y1 < y2 <= shape[0] + 1e-6
        assert abs((x2 - x1) - (y2 - y1)) < 1e-6
        assert x2 - x1 >= 24 - 1e-6
        for a1, b1, a2, b2 in taken:
            assert min(x2, a2) <= max(x1, a1) + 1e-6 or min(y2, b2) <= max(y1, b1) + 1e-6
