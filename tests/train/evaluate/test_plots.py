"""What the plots show is what the figures say."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from train.evaluate import plots
from train.evaluate.figures import Calibration, ClassFigures
from train.evaluate.robustness import Robustness
from train.scores import reliability


def _calibration(temperature: float) -> Calibration:
    logits = np.log(np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])) / temperature
    return Calibration(temperature, 0.3, None, reliability(logits, np.array([0, 1, 1])))


def test_confusion_shows_counts_and_shares() -> None:
    counts = np.array([[3, 1], [0, 0]])
    shown = [t.get_text() for t in plots.confusion(counts, ("a", "b"), False).axes[0].texts]
    assert shown == ["3", "1"]
    figure = plots.confusion(counts, ("a", "b"), True)
    # The row without faces stays empty.
    assert [t.get_text() for t in figure.axes[0].texts] == ["0.75", "0.25"]
    assert "n = 4" in figure.axes[0].get_title()


def test_a_class_without_a_curve_has_none() -> None:
    curve = (np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    rows = [
        ClassFigures("happiness", 5, 0.8, 0.8, 0.8, 0.9, curve),
        ClassFigures("fear", 0, None, None, None, None, None),
    ]
    axes = plots.roc(rows).axes[0]
    assert axes.get_legend_handles_labels()[1] == ["happiness: 0.900 (n = 5)"]
    assert plots.roc(rows[1:]).axes[0].get_legend() is None


def test_reliability_has_a_panel_for_each_temperature() -> None:
    assert len(plots.reliability(_calibration(1.0), _calibration(2.0)).axes) == 2
    (axes,) = plots.reliability(_calibration(1.0), _calibration(1.0)).axes
    assert "n = 3" in axes.get_title()
    assert sorted(t.get_text() for t in axes.texts) == ["1", "1", "1"]


def test_corruptions_start_at_clean_accuracy(tmp_path: Path) -> None:
    found = Robustness(9, 0.8, {"blur": [0.7, 0.6, 0.5, 0.4, 0.3]}, np.zeros(9))
    figure = plots.corruptions(found)
    line = figure.axes[0].get_lines()[1]
    np.testing.assert_allclose(line.get_ydata(), [0.8, 0.7, 0.6, 0.5, 0.4, 0.3])
    assert line.get_label() == "blur: 50.0%"
    plots.save(figure, tmp_path / "a.png", dpi=50)
    assert cv2.imread(str(tmp_path / "a.png")).shape == (240, 370, 3)
