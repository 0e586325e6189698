"""The panels show the face, its maps and the probabilities, and say what they hold."""

from __future__ import annotations

import numpy as np

from tests.train.explain.conftest import SIZE
from tests.train.explain.test_maps import bright_net
from train.explain.maps import explain_face
from train.explain.panels import draw


def test_a_map_of_nothing_says_so() -> None:
    net, manifest = bright_net()
    found = explain_face(net, manifest, np.zeros((SIZE, SIZE), np.uint8), target=1)
    assert not found.class_map.any()
    assert draw(found).axes[1].get_title() == "class map: happiness (nothing)"
