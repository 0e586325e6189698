"""A network as a LiteRT (TFLite) file for phones, by Google's converter `litert-torch`."""

from __future__ import annotations

import contextlib
import io
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray

from runtime.errors import UserError
from train.inference import Run
from train.models.emotion_net import EmotionNet


def to_tflite(net: EmotionNet, size: int) -> bytes:
    """Converts a network, for one face at a time.

    Args:
        net: The network in evaluation mode, on the CPU.
        size: Side of the input in pixels.

    Returns:
        A model that takes (1, 3, size, size) float32 and gives (1, C) float32 logits.

    Raises:
        UserError: The converter isn't installed.
    """
    try:
        import litert_torch
    except ImportError as error:
        raise UserError(
            "--precision tflite needs the converter: pip install litert-torch ai-edge-litert"
        ) from error
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        TemporaryDirectory() as folder,
    ):
        warnings.simplefilter("ignore")
        path = Path(folder, "model.tflite")
        litert_torch.convert(net, (torch.zeros(1, 3, size, size),)).export(str(path))
        return path.read_bytes()


def open_tflite(content: bytes) -> Run:
    """Opens a LiteRT file, as a function on one thread.

    Raises:
        UserError: The interpreter isn't installed.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise UserError(
            "--precision tflite needs LiteRT for its proof: pip install ai-edge-litert"
        ) from error
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    (source,), (target,) = interpreter.get_input_details(), interpreter.get_output_details()

    def run(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        rows = []
        for face in batch:
            interpreter.set_tensor(source["index"], face[None])
            interpreter.invoke()
            rows.append(interpreter.get_tensor(target["index"]).copy())
        return np.concatenate(rows)

    return run
