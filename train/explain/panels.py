"""The picture of one face: what was seen, weighted and said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from train.explain.maps import Explanation

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray


def draw(explanation: Explanation) -> Figure:
    """Draws a row of panels: the face, its maps laid over it, the probabilities."""
    from matplotlib.figure import Figure

    e = explanation
    height, width = e.class_map.shape
    maps = []
    if e.attention is not None:
        least, most = float(e.attention.min()), float(e.attention.max())
        maps.append((f"spatial attention: {least:.2f} to {most:.2f}", e.attention, least))
    named = f"class map: {e.labels[e.target]}"
    maps.append((named if e.class_map.any() else f"{named} (nothing)", e.class_map, 0.0))
    panels = 1 + len(maps)
    figure = Figure(figsize=(2.4 * panels + 3.2, 3.2), dpi=100, layout="constrained")
    axes = figure.subplots(1, panels + 1, width_ratios=[1.0] * panels + [1.15])
    figure.suptitle(e.verdict, fontsize=14, fontweight="bold")
    figure.supxlabel(
        "Brighter: the network weighted it more; no proof of cause "
        f"({width}x{height} cells, enlarged)",
        fontsize=8,
        color="0.35",
    )
    _show(axes[0], e.seen, f"what the network saw ({e.seen.shape[0]} px)")
    for axis, (title, values, low) in zip(axes[1:], maps, strict=False):
        _show(axis, e.seen, title)
        _overlay(axis, values, low, e.seen.shape[0])
    _bars(axes[-1], e)
    return figure


def _show(axis: Axes, picture: NDArray[np.uint8], title: str) -> None:
    axis.imshow(picture, interpolation="bilinear")
    axis.set_title(title, fontsize=9)
    axis.set_axis_off()


def _overlay(axis: Axes, values: NDArray[np.float32], low: float, side: int) -> None:
    """Lays heat over a face, each cell's middle over the middle of its part of the picture."""
    import cv2
    import numpy as np

    heat = np.clip(cv2.resize(values, (side, side), interpolation=cv2.INTER_LINEAR), low, None)
    top = max(float(heat.max()), low + 1e-12)
    # A map of rising lightness: its brightest spot is its peak, for every eye.
    axis.imshow(heat, cmap="plasma", vmin=low, vmax=top, alpha=0.5)


def _bars(axis: Axes, e: Explanation) -> None:
    # The runtime's colours are BGR bytes.
    from runtime.vision.draw import EMOTION_COLORS

    rows = range(len(e.labels))
    colors = [tuple(v / 255 for v in reversed(EMOTION_COLORS[label])) for label in e.labels]
    axis.barh(rows, e.probabilities, color=colors, edgecolor="0.4", linewidth=0.6)
    for row, value in zip(rows, e.probabilities, strict=True):
        axis.text(value + 0.02, row, f"{value:.1%}", va="center", fontsize=8)
    axis.set_yticks(rows, e.labels, fontsize=9)
    axis.invert_yaxis()
    axis.set_xlim(0, 1.22)
    axis.set_xticks([0, 0.5, 1], ["0", "50%", "100%"], fontsize=8)
    axis.spines[["top", "right"]].set_visible(False)
    axis.set_title("calibrated probabilities", fontsize=9)
