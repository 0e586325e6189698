"""What `--provider` may name: the one list, which loads nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Provider:
    """An execution provider of ONNX Runtime.

    Attributes:
        execution: ONNX Runtime's own name for it.
        package: The package that brings it. Only one of these packages can be
            installed at a time: they share a folder.
        needs: What must be on the machine besides the package.
    """

    execution: str
    package: str
    needs: str


PROVIDERS: dict[str, Provider] = {
    "cpu": Provider("CPUExecutionProvider", "onnxruntime", "nothing else"),
    "cuda": Provider("CUDAExecutionProvider", "onnxruntime-gpu", "an NVIDIA GPU, CUDA and cuDNN"),
    "tensorrt": Provider(
        "TensorrtExecutionProvider", "onnxruntime-gpu", "an NVIDIA GPU, CUDA and TensorRT"
    ),
    "openvino": Provider("OpenVINOExecutionProvider", "onnxruntime-openvino", "nothing else"),
}
