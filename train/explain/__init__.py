"""`python -m train.explain`: where a checkpoint looked, drawn beside what it said.

Two maps a face: the network's own spatial attention (CBAM, Woo et al. 2018)
and Grad-CAM (Selvaraju et al. 2017, "Grad-CAM: Visual Explanations from Deep
Networks") on its last feature map. Both are as coarse as that map, 4x4 at 112
pixels, and show what the network weighted: they prove no cause.
"""

from train.explain.command import ExplainOptions, explain
from train.explain.maps import Explanation, explain_face
from train.explain.panels import draw

__all__ = ["ExplainOptions", "Explanation", "draw", "explain", "explain_face"]
