"""The models under test: exported ones, and checkpoints in PyTorch."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.engine.latency_breakdown import Parts, open_parts
from benchmarks.harness.provenance import artifact
from runtime.engines.base import Engine
from runtime.engines.factory import open_engine
from runtime.errors import UserError


@dataclass(frozen=True)
class Model:
    """An engine under test.

    Attributes:
        about: First entries of its rows: which file it is and how it runs.
        precision: What it computes in.
        engine: Itself.
        parts: The same model with its parts timed, on a GPU.
    """

    about: dict[str, Any]
    precision: str
    engine: Engine
    parts: Parts | None


def open_models(
    names: Sequence[str], provider: str, threads: int, torch_precision: str, stack: ExitStack
) -> tuple[list[Model], list[dict[str, str]]]:
    """The engines that can be compared with the first, and why others can't.

    Args:
        names: Models and checkpoints, as `--engine` takes them.
        provider: Where they run.
        threads: CPU threads of each.
        torch_precision: What checkpoints compute in.
        stack: Closes them.

    Returns:
        At least one model, and an `engine` and `error` for each that was left out.

    Raises:
        UserError: None can be opened.
    """
    models: list[Model] = []
    errors = []
    for name in names:
        try:
            model = _open(name, provider, threads, torch_precision, stack)
            shape, first = model.engine.manifest.input_shape, (models or [model])[0]
            if shape != first.engine.manifest.input_shape:
                raise UserError(
                    f"{name}: takes {shape}, not {first.engine.manifest.input_shape} as "
                    f"{first.about['engine']}: the same batch can't go through both"
                )
            models.append(model)
        except UserError as error:
            errors.append({"engine": Path(name).name, "error": " ".join(str(error).split())})
    if not models:
        raise UserError(f"nothing could be measured: {'; '.join(e['error'] for e in errors)}")
    for row in errors:
        print(f"left out: {row['error']}", file=sys.stderr)
    return models, errors


def _open(name: str, provider: str, threads: int, torch_precision: str, stack: ExitStack) -> Model:
    about = artifact(name, provider)
    if name.endswith(".safetensors"):
        from benchmarks.engine.pytorch import TimedTorch

        net = TimedTorch(Path(name), provider, torch_precision, threads)
        about |= {"runs_as": net.name, "torch_precision": torch_precision}
        return Model(about, net.precision, net, net if provider == "cuda" else None)
    engine = stack.enter_context(closing(open_engine(name, provider, threads)))
    try:
        parts = open_parts(name, provider)
    except Exception as error:  # ONNX Runtime's errors share no base class
        print(f"{name}: its parts can't be timed: {error}", file=sys.stderr)
        parts = None
    if parts is not None:
        stack.enter_context(closing(parts))
    return Model({**about, "runs_as": engine.name}, engine.manifest.precision, engine, parts)
