"""The command: a model and a split in, a folder of figures, plots and a report out."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import datetime, timezone
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.engines.catalogue import model_path
from runtime.errors import UserError
from runtime.manifest import file_hash
from runtime.support.cli import parse_options
from runtime.support.files.writing import check_writable
from train.evaluate.options import EvaluateOptions
from train.threads import let_threads_sleep

if TYPE_CHECKING:
    from runtime.engines.base import Engine
    from train.evaluate.backgrounds import BackgroundFigures
    from train.evaluate.figures import Figures

PROG = "python -m train.evaluate"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    let_threads_sleep()
    evaluate(parse_options(EvaluateOptions, PROG, argv))
    return 0


def evaluate(options: EvaluateOptions) -> dict[str, Any]:
    """Evaluates as the options say, and writes everything into the output folder.

    Returns:
        What `metrics.json` holds.

    Raises:
        UserError: The model, the data or the folder can't be used.
    """
    from train.datasets.catalogue import load_faces
    from train.evaluate.backgrounds import cut_background_crops, measure_backgrounds
    from train.evaluate.figures import compute_figures
    from train.evaluate.leaks import check_copies
    from train.evaluate.report import Results, write_all
    from train.evaluate.robustness import measure_robustness
    from train.evaluate.selection import first_notes, select, spread
    from train.inference import face_logits, open_model

    start = time.monotonic()
    path = _model_path(options)
    folder = Path(options.output_dir)
    check_writable(folder / "metrics.json", "--output_dir")
    engine = open_model(str(path), options.provider, options.threads)
    try:
        manifest = engine.manifest
        print(f"model: {getattr(engine, 'name', path)}", flush=True)
        every = load_faces(Path(options.data_dir), options.dataset, options.split)
        faces, places = select(every, manifest.labels, options.limit)
        notes = first_notes(options, manifest, every, faces)
        for note in notes:
            print(f"note: {note}", flush=True)
        # Before the slow part, as a source may not be there.
        crops = (
            cut_background_crops(options.backgrounds, manifest.preprocess, options.seed)
            if options.backgrounds
            else []
        )
        logits = face_logits(engine, faces)
        figures = compute_figures(logits, faces, manifest.temperature)
        _say(figures, len(faces))
        backgrounds = None
        if crops:
            backgrounds = measure_backgrounds(engine, crops, logits, faces)
            _say_backgrounds(backgrounds)
        leak = None if options.skip_copies else check_copies(options, faces, logits, notes)
        robustness = None
        if not options.skip_corruptions:
            counting = faces.majority >= 0
            subset, chosen = spread(
                faces.subset(counting), places[counting], options.corruption_limit
            )
            print(f"corruptions: 7 at five strengths, on {len(subset)} faces", flush=True)
            robustness = measure_robustness(engine, subset, chosen, options.seed)
    finally:
        engine.close()
    metrics = {
        "schema": 1,
        **_origin(options, path, engine),
        "data": {
            "name": faces.name,
            "folder": options.data_dir,
            "labels": list(every.labels),
            "faces_read": len(every),
            "n": len(faces),
            "n_majority": figures.score.n,
            "soft_votes": faces.soft,
        },
        "accuracy": round(figures.score.accuracy, 4),
        "accuracy_95": [round(v, 4) for v in figures.interval],
        "macro_f1": round(figures.score.macro_f1, 4),
        "calibration": {
            "before": figures.before.figures(),
            "after": figures.after.figures(),
            "fitted_on": manifest.metrics.get("calibration", {}).get("data"),
        },
        "doubt_auroc": _rounded(figures.disputed_auroc),
        "not_faces": None if backgrounds is None else backgrounds.figures(),
        "per_class": [row.figures() for row in figures.classes],
        "confusion": figures.score.confusion.tolist(),
        "copies": None if leak is None else leak.figures,
        "corruptions": None if robustness is None else robustness.figures(),
        "notes": notes,
    }
    write_all(folder, metrics, Results(figures, logits, faces, places, leak, robustness))
    print(f"{folder / 'report.html'}: all of it ({time.monotonic() - start:.0f} s)", flush=True)
    return metrics


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _model_path(options: EvaluateOptions) -> Path:
    """Gives the one model that the options name."""
    if (options.checkpoint_path is None) == (options.engine is None):
        raise UserError("give either --checkpoint_path or --engine (default: the shipped model)")
    if options.engine is not None:
        return model_path(options.engine, options.provider)
    path = Path(options.checkpoint_path or "")
    if path.suffix != ".safetensors":
        raise UserError(
            f"--checkpoint_path {path}: must be a .safetensors file; "
            "an exported model goes to --engine"
        )
    return path


def _say(figures: Figures, n: int) -> None:
    """Prints the headline on standard output."""
    score, (low, high) = figures.score, figures.interval
    print(
        f"accuracy {score.accuracy:.2%} (95% interval {low:.2%} to {high:.2%}), "
        f"macro-F1 {score.macro_f1:.3f}, n = {score.n}"
    )
    for when in (figures.before, figures.after):
        kl = "" if when.kl is None else f", KL {when.kl:.4f}"
        print(
            f"temperature {when.temperature:.3f}: NLL {when.nll:.4f}{kl} (n = {n}), "
            f"ECE {when.bins.error:.4f} (n = {score.n})",
            flush=True,
        )
    if figures.disputed_auroc is not None:
        print(
            f"low confidence tells the {n - score.n} disputed faces: "
            f"AUROC {figures.disputed_auroc:.3f}"
        )


def _say_backgrounds(found: BackgroundFigures) -> None:
    print(
        f"low confidence tells {found.n} background crops from faces: AUROC "
        f"{found.auroc:.3f}; uncertain: {found.uncertain:.1%} of them, "
        f"{found.uncertain_faces:.1%} of the faces",
        flush=True,
    )


def _origin(options: EvaluateOptions, path: Path, engine: Engine) -> dict[str, Any]:
    """Says where the figures come from: enough to make them again."""
    flags = []
    for f in fields(options):
        value = getattr(options, f.name)
        if value != f.default and value is not False and value != []:
            words = [] if value is True else value if isinstance(value, list) else [str(value)]
            flags.append(shlex.join([f"--{f.name}", *words]))
    manifest = engine.manifest
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "command": " ".join([PROG, *flags]),
        "options": asdict(options),
        "model": {
            "path": str(path),
            "sha256": file_hash(path),
            "runs_as": getattr(engine, "name", str(path)),
            "labels": list(manifest.labels),
            "precision": manifest.precision,
            "temperature": manifest.temperature,
            "preprocess": asdict(manifest.preprocess),
        },
        # By module: onnxruntime and OpenCV come under several package names.
        "tools": {
            name: getattr(import_module(name), "__version__", "unknown")
            for name in ("torch", "onnxruntime", "numpy", "cv2", "sklearn", "torchmetrics")
        },
    }
