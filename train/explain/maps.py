"""The maps of one face: spatial attention and Grad-CAM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runtime.manifest import Manifest, Preprocess

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from train.models.emotion_net import EmotionNet


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """What the network saw, said and weighted, for one face.

    Attributes:
        seen: (S, S, 3) uint8 RGB, the network's input as a picture.
        labels: The model's C emotions in canonical order.
        probabilities: (C,) float64, calibrated.
        target: Index of the label that `class_map` explains.
        class_map: (H, W) float32 Grad-CAM of the last feature map, 0 or more;
            all 0 where nothing there speaks for the target.
        attention: (H, W) float32 in (0, 1), the weight of each position of
            the last feature map; None where the network has no attention.
    """

    seen: NDArray[np.uint8]
    labels: tuple[str, ...]
    probabilities: NDArray[np.float64]
    target: int
    class_map: NDArray[np.float32]
    attention: NDArray[np.float32] | None

    @property
    def verdict(self) -> str:
        """The likeliest emotion and its probability."""
        best = int(self.probabilities.argmax())
        return f"{self.labels[best]} {self.probabilities[best]:.0%}"


def explain_face(
    net: EmotionNet, manifest: Manifest, face: NDArray[np.uint8], target: int | None = None
) -> Explanation:
    """Computes both maps and the probabilities of one face.

    Args:
        net: In evaluation mode, on the CPU: cuDNN's LSTM has no backward pass
            in that mode.
        manifest: Its labels, preprocessing and temperature.
        face: (H, W) grey or (H, W, 3) BGR uint8 crop.
        target: Index of the label to explain; None takes the likeliest.

    Raises:
        EngineError: The network gave what makes no probabilities.
    """
    import numpy as np
    import torch
    from captum.attr import LayerGradCam

    from runtime.emotion.classifier import softmax
    from runtime.engines.emotion_engine import sound_logits
    from runtime.vision.preprocess import face_to_input
    from train.models.emotion_net import SpatialAttention

    spec = manifest.preprocess
    pixels = face_to_input(face, spec)
    batch = torch.from_numpy(pixels)[None]
    caught: list[torch.Tensor] = []
    spatial = next((m for m in net.modules() if isinstance(m, SpatialAttention)), None)
    # Not the module's own output: that is the map times the features.
    hook = spatial.conv.register_forward_hook(lambda *c: caught.append(c[2])) if spatial else None
    try:
        with torch.inference_mode():
            output = net(batch).numpy()
    finally:
        if hook is not None:
            hook.remove()
    logits = sound_logits("the checkpoint", output, (1, len(manifest.labels)))
    if target is None:
        target = int(logits[0].argmax())
    # `attention` passes the last feature map on, weighted or (baseline) as it is.
    cam = LayerGradCam(net, net.attention).attribute(batch, target, relu_attributions=True)
    return Explanation(
        seen=_picture(pixels, spec),
        labels=manifest.labels,
        probabilities=softmax(logits, manifest.temperature)[0],
        target=target,
        class_map=np.asarray(cam.detach()[0, 0].numpy(), np.float32),
        attention=caught[0][0, 0].sigmoid().numpy() if caught else None,
    )


def _picture(pixels: NDArray[np.float32], spec: Preprocess) -> NDArray[np.uint8]:
    """Turns (3, S, S) network input into (S, S, 3) uint8 RGB, the normalisation undone."""
    import numpy as np

    mean, std = (np.array(values, np.float32) for values in (spec.mean, spec.std))
    planes = pixels.transpose(1, 2, 0) * std + mean
    picture: NDArray[np.uint8] = np.clip(planes * 255 + 0.5, 0, 255).astype(np.uint8)
    return picture
