"""The models under test: exported ones, and checkpoints in PyTorch."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.engine.latency_breakdown import TimedRuns, open_timed
from benchmarks.harness.provenance import artifact
from benchmarks.harness.schema.common import ArtifactRecord
from benchmarks.harness.schema.engine import FailedEngine
from runtime.engines.base import Engine
from runtime.engines.factory import open_engine
from runtime.errors import UserError


@dataclass(frozen=True)
class ModelUnderTest:
    """An engine under test.

    Attributes:
        artifact: Which file it is.
        runs_as: What computes it.
        precision: What it computes in.
        engine: Itself.
        timed: The same model with its runs broken down, on a GPU.
        torch_precision: What a checkpoint computes in; None for what is exported.
    """

    artifact: ArtifactRecord
    runs_as: str
    precision: str
    engine: Engine
    timed: TimedRuns | None
    torch_precision: str | None = None


def open_models(
    names: Sequence[str], provider: str, threads: int, torch_precision: str, stack: ExitStack
) -> tuple[list[ModelUnderTest], list[FailedEngine]]:
    """The engines that can be compared with the first, and why others can't.

    Args:
        names: Models and checkpoints, as `--engine` takes them.
        provider: Where they run.
        threads: CPU threads of each.
        torch_precision: What checkpoints compute in.
        stack: Closes them.

    Returns:
        At least one model, and why others were left out.

    Raises:
        UserError: None can be opened.
    """
    models: list[ModelUnderTest] = []
    errors = []
    for name in names:
        try:
            model = _open(name, provider, threads, torch_precision, stack)
            shape, first = model.engine.manifest.input_shape, (models or [model])[0]
            if shape != first.engine.manifest.input_shape:
                raise UserError(
                    f"{name}: takes {shape}, not {first.engine.manifest.input_shape} as "
                    f"{first.artifact.engine}: the same batch can't go through both"
                )
            models.append(model)
        except UserError as error:
            text = " ".join(str(error).split())
            errors.append(FailedEngine(engine=Path(name).name, error=text))
    if not models:
        raise UserError(f"nothing could be measured: {'; '.join(row.error for row in errors)}")
    for row in errors:
        print(f"left out: {row.error}", file=sys.stderr)
    return models, errors


def _open(
    name: str, provider: str, threads: int, torch_precision: str, stack: ExitStack
) -> ModelUnderTest:
    file = artifact(name, provider)
    if name.endswith(".safetensors"):
        from benchmarks.engine.pytorch import TimedTorch

        net = TimedTorch(Path(name), provider, torch_precision, threads)
        timed = net if provider == "cuda" else None
        return ModelUnderTest(file, net.name, net.precision, net, timed, torch_precision)
    engine = stack.enter_context(closing(open_engine(name, provider, threads)))
    breakdown = None
    try:
        breakdown = open_timed(name, provider)
    except Exception as error:  # ONNX Runtime's errors share no base class
        print(f"{name}: its latency can't be broken down: {error}", file=sys.stderr)
    if breakdown is not None:
        stack.enter_context(closing(breakdown))
    return ModelUnderTest(file, engine.name, engine.manifest.precision, engine, breakdown)
