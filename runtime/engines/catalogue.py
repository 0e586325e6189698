"""The models that come with the runtime, and what their names stand for."""

from __future__ import annotations

from pathlib import Path

_MODELS = Path(__file__).resolve().parents[1] / "models"


#: The models that come with the runtime, by the names that stand for their paths.
SHIPPED = {
    "main": _MODELS / "emotion.onnx",
    "fast": _MODELS / "emotion.int8_cpu.onnx",
}

#: The detector that comes with the runtime.
CENTERFACE = _MODELS / "centerface.onnx"

#: Stands for the one of them that suits where it runs.
DEFAULT = "default"


def model_path(name: str | Path, provider: str = "cpu") -> Path:
    """The file that a model's name stands for.

    `default` is `fast` on the CPU, where INT8 takes about half the time at the same
    accuracy (docs/guides/export.md), and `main` anywhere else.

    Args:
        name: A file, a name in `SHIPPED`, or `default`.
        provider: Where it is to run.
    """
    if name == DEFAULT:
        name = "fast" if provider == "cpu" else "main"
    return SHIPPED.get(str(name), Path(name))


#: The head that was trained for the shipped models.
SHIPPED_HEAD = _MODELS / "temporal.onnx"
