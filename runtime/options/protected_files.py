"""Files that a run reads, and that no output may take the place of."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from runtime.manifest import sidecar_path


def model_files(path: Path) -> list[Path]:
    """A model with everything beside it that is, or would be, read with it.

    Args:
        path: An `.onnx` file or a plan, whose ONNX file it may be built from again.
    """
    files: list[Path] = []
    if not path.name:  # a folder, which is refused when it is opened
        return files
    for file in dict.fromkeys((path, path.with_suffix(".onnx"))):
        files += [file, sidecar_path(file)]
    return files


def protected_files(
    engine: str,
    provider: str,
    temporal_head: str,
    detector_model: str | None,
    others: Iterable[str | None] = (),
) -> list[Path]:
    """The files of a command's models and of the shipped ones, and what else it reads.

    Args:
        engine: As the option has it; so are the next three.
        provider: Where the engine runs.
        temporal_head: A file or a word.
        detector_model: None for the shipped detector.
        others: More files; None is passed over.
    """
    from runtime.engines.catalogue import CENTERFACE, SHIPPED, SHIPPED_HEAD, model_path

    files = [file for model in SHIPPED.values() for file in model_files(model)]
    files += model_files(model_path(engine, provider))
    if temporal_head != "none":
        # Words stand for the shipped head, and are no names of files themselves.
        words = ("auto", "default")
        files += model_files(SHIPPED_HEAD if temporal_head in words else Path(temporal_head))
    files.append(Path(detector_model) if detector_model else CENTERFACE)
    return [*files, *(Path(file) for file in others if file is not None)]
