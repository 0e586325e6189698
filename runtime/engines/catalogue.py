"""The models that come with the runtime, and what a model's name stands for."""

from __future__ import annotations

from pathlib import Path

from runtime.errors import EngineError
from runtime.manifest import Manifest
from runtime.support.files.home import at_home

_MODELS = Path(__file__).resolve().parents[1] / "models"

#: The models that come with the runtime, by the names that stand for their paths.
SHIPPED = {
    "main": _MODELS / "emotion.onnx",
    "fast": _MODELS / "emotion.int8_cpu.onnx",
}

#: The detector that comes with the runtime.
CENTERFACE = _MODELS / "centerface.onnx"

#: The head that was fitted to the shipped models.
SHIPPED_HEAD = _MODELS / "temporal.onnx"

#: Stands for the one of them that suits where it runs.
DEFAULT = "default"

#: Hash of the checkpoint by `Manifest.training_hash`, for artifacts that were exported
#: before manifests named their checkpoint: the shipped models, and what was built from them.
_CHECKPOINTS = {
    "f10b3fd56bb7b62b7d90f8a6dbf8a1aa3cfd3244fb0dd67ba780cb9c63e97088": (
        "19f911b395ab7b4cafc8c0c6b20abb4d771205550ba400704d527a72732a24c9"
    ),
}


def check_engine(engine: object) -> None:
    """Refuses what is neither a model's name or file nor an open engine.

    Raises:
        TypeError: It is neither.
    """
    if not isinstance(engine, (str, Path)) and not hasattr(engine, "infer"):
        raise TypeError(
            f"engine must be a file, a shipped model's name or an Engine, not {engine!r}"
        )


def model_path(spec: str | Path, provider: str = "cpu") -> Path:
    """The file that a model's spec stands for.

    `default` is `fast` on the CPU, where INT8 takes about half the time at the same
    accuracy (docs/guides/export.md), and `main` anywhere else.

    Args:
        spec: A file, a name in `SHIPPED`, or `default`.
        provider: Where it is to run.

    Raises:
        EngineError: It is a URL.
    """
    name = str(at_home(spec))
    if "://" in name:
        raise EngineError(
            f"{name.partition('://')[0]}:// is not supported by this build: an engine must be an "
            ".onnx or a .plan file"
        )
    if name == DEFAULT:
        name = "fast" if provider == "cpu" else "main"
    return SHIPPED.get(name, Path(name))


def checkpoint_of(manifest: Manifest) -> str | None:
    """Hash of the checkpoint that an artifact was exported from, by its manifest.

    It is the same for every copy, precision and plan. None where nothing tells it.
    """
    named: str | None = manifest.provenance.get("checkpoint")
    return named or _CHECKPOINTS.get(manifest.training_hash())
