"""`python -m runtime.doctor`: whether this machine can run this model, and how fast."""

from __future__ import annotations

import hashlib
import json
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.diagnostics.environment import Check, check_machine
from runtime.errors import UserError, in_checkout
from runtime.options import shared
from runtime.support.cli import option, parse_options, run_command
from runtime.support.files.reading import read_input_file
from runtime.support.redaction import printable

if TYPE_CHECKING:
    from runtime.engines.emotion_engine import EmotionEngine
    from runtime.manifest import Manifest

PROG = "python -m runtime.doctor"

#: Runs whose median is the latency, after some that set the engine up.
_RUNS, _WARM_UP = 20, 3


@dataclass
class DoctorOptions:
    """Check this machine and a model, changing nothing; exit code 2 for a problem."""

    engine: str = shared.engine_option()
    provider: str = shared.provider_option()
    threads: int = shared.threads_option()
    trial_s: float = option(
        "seconds of the built-in clip that predict the frame rate; 0 leaves it out",
        2.0,
        between=(0, 60),
    )
    json: bool = option("print one JSON object in place of text", False, group=shared.OUTPUT)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code.

    Raises:
        UserError: There is a problem; the whole report was printed.
    """
    options = parse_options(DoctorOptions, PROG, argv)
    checks: list[Check] = []
    facts: dict[str, Any] = {}
    # Each line as it comes: opening a model may take a while, or crash.
    for check in _all_checks(options, facts):
        checks.append(check)
        if not options.json:
            print(f"{check.status:<8} {check.name:<11} {printable(check.detail)}", flush=True)
    problems = sum(check.status == "problem" for check in checks)
    if options.json:
        report = {"ok": not problems, "checks": [asdict(c) for c in checks], "engine": facts}
        print(json.dumps(report))
    if problems:
        raise UserError(f"{problems} problem{'s' if problems > 1 else ''} found (see above)")
    return 0


def _all_checks(options: DoctorOptions, facts: dict[str, Any]) -> Iterator[Check]:
    yield from check_machine()
    yield from check_engine(options, facts)


def check_engine(options: DoctorOptions, facts: dict[str, Any]) -> Iterator[Check]:
    """Opens the model, tells what its manifest says, and runs it.

    Args:
        options: Which model, and how it runs.
        facts: Gets what was found, for JSON.
    """
    try:
        from runtime.engines.factory import open_engine

        engine = open_engine(options.engine, options.provider, options.threads)
    except (UserError, ImportError) as error:
        yield Check("engine", "problem", " ".join(str(error).split()))
        return
    try:
        facts.update(_facts(engine))
        yield Check("engine", "ok", engine.name)
        yield from _manifest_checks(engine.manifest, options)
        ran = _run_check(engine, facts)
        yield ran
        if options.trial_s and ran.status == "ok":
            yield _trial_check(engine, options, facts)
    finally:
        engine.close()


def _facts(engine: EmotionEngine) -> dict[str, Any]:
    manifest = engine.manifest
    return {
        "name": engine.name,
        "labels": list(manifest.labels),
        "precision": manifest.precision,
        "input": list(manifest.input_shape),
        "color": manifest.preprocess.color,
        "temperature": manifest.temperature,
        "metrics": dict(manifest.metrics),
        "proof": dict(manifest.proof),
        "quantization": dict(manifest.quantization),
        "plan": dict(manifest.plan),
    }


def _manifest_checks(manifest: Manifest, options: DoctorOptions) -> Iterator[Check]:
    sides = "x".join(map(str, manifest.input_shape))
    yield Check("labels", "ok", ", ".join(manifest.labels))
    yield Check(
        "model",
        "ok",
        f"{manifest.precision}, input {sides} {manifest.preprocess.color}, "
        f"temperature {manifest.temperature:g}",
    )
    if manifest.proof:
        yield Check("proof", "ok", json.dumps(dict(manifest.proof)))
    else:
        yield Check(
            "proof",
            "warning",
            "its manifest holds no comparison with the PyTorch model: "
            f"export it with {in_checkout('export')}",
        )
    source = manifest.plan.get("onnx_sha256")
    if source:
        yield _source_check(Path(options.engine), source)


def _source_check(plan: Path, sha256: str) -> Check:
    """Whether the ONNX file beside a plan is still the one that it was built from."""
    from runtime.engines.onnx_file import MAX_MODEL
    from runtime.engines.trt.plan import onnx_of, refusal

    onnx = onnx_of(plan)
    if not onnx.exists():
        return Check("source", "warning", f"{onnx} is missing: the plan can't be built again")
    try:
        found = hashlib.sha256(read_input_file(onnx, MAX_MODEL)).hexdigest()
    except OSError as error:
        return Check("source", "warning", f"{onnx}: {error.strerror}")
    if found != sha256:
        refused = refusal(plan, f"it was built from another {onnx.name} than the one beside it")
        return Check("source", "warning", str(refused))
    return Check("source", "ok", f"{onnx}, as the plan was built from")


def _run_check(engine: EmotionEngine, facts: dict[str, Any]) -> Check:
    """Runs batches of one black face; times vary with the machine's load."""
    import numpy as np

    batch = np.zeros((1, *engine.manifest.input_shape), np.float32)
    times = []
    try:
        for _ in range(_WARM_UP + _RUNS):
            start = time.perf_counter()
            logits = engine.infer(batch)["logits"]
            times.append((time.perf_counter() - start) * 1e3)
    except UserError as error:
        return Check("run", "problem", " ".join(str(error).split()))
    if not np.isfinite(logits).all():
        return Check("run", "problem", "its outputs aren't finite numbers: export it again")
    facts["latency_ms"] = round(statistics.median(times[_WARM_UP:]), 3)
    return Check(
        "run", "ok", f"a batch of one takes {facts['latency_ms']:.2f} ms (median of {_RUNS})"
    )


def _trial_check(engine: EmotionEngine, options: DoctorOptions, facts: dict[str, Any]) -> Check:
    """Runs the whole pipeline on the built-in clip for a moment."""
    from runtime.pipeline.config import EngineConfig, PipelineConfig
    from runtime.pipeline.pipeline import Pipeline
    from runtime.sources.config import SourceConfig

    config = PipelineConfig(
        (SourceConfig("demo"),), engine=EngineConfig(engine, threads=options.threads)
    )
    ends: float | None = None
    try:
        with Pipeline(config) as pipeline:
            for _ in pipeline:
                # From the first result on: setting the detector up may take seconds.
                ends = ends or time.monotonic() + options.trial_s
                if time.monotonic() > ends:
                    break
            figures = pipeline.metrics.summary()
    except UserError as error:
        return Check("trial", "problem", " ".join(str(error).split()))
    faces = figures["faces"] / max(1, figures["frames"])
    latency = figures["stages"].get("latency", {})
    facts["trial"] = {
        "fps": figures["fps"],
        "faces_per_frame": round(faces, 2),
        "latency_ms": latency,
        "frames": figures["frames"],
    }
    return Check(
        "trial",
        "ok" if figures["fps"] else "warning",
        f"about {figures['fps']:.0f} FPS with {faces:.1f} faces a frame at 640x480; "
        f"capture to result p50 {latency.get('p50', 0):.0f} ms, p99 {latency.get('p99', 0):.0f} ms",
    )


if __name__ == "__main__":
    sys.exit(run_command(main, None))
