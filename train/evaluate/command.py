"""The command: a model and a split in, a folder of figures, plots and a report out."""

from __future__ import annotations

import math
import shlex
import time
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timezone
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.engines.catalogue import model_path
from runtime.engines.providers import PROVIDERS
from runtime.errors import UserError
from runtime.manifest import file_hash
from runtime.support.cli import option
from runtime.support.files.writing import check_writable
from train.datasets import DATASETS

if TYPE_CHECKING:
    from runtime.engines.base import Engine
    from train.evaluate.figures import Figures
    from train.evaluate.out_of_distribution import Outliers

PROG = "python -m train.evaluate"


@dataclass
class EvaluateOptions:
    """Evaluate a checkpoint or an exported model: figures, plots and a report."""

    data_dir: str = option("folder of the data set")
    checkpoint_path: str | None = option("checkpoint that train.fit wrote (.safetensors)", None)
    engine: str | None = option("or an exported model, or a shipped one: main, fast", None)
    dataset: str = option("layout of the data set", "ferplus", choices=DATASETS)
    split: str = option("its part", "valid", choices=("valid", "test"))
    output_dir: str = option("where everything goes", "out/evaluation")
    limit: int = option("faces to use, evenly spread; 0 uses all", 0, between=(0, math.inf))
    corruption_limit: int = option(
        "faces for the corruptions, evenly spread; 0 uses all", 1000, between=(0, math.inf)
    )
    skip_corruptions: bool = option("don't measure accuracy under corruptions", False)
    backgrounds: list[str] = option(
        "pictures, folders or videos whose places without a face the model shall doubt", []
    )
    skip_copies: bool = option("don't look for faces that the training split has too", False)
    seed: int = option("seed of the corruptions", 0, between=(0, math.inf))
    provider: str = option("where an exported model runs", "cpu", choices=PROVIDERS)
    threads: int = option("CPU threads of an exported model", 2, between=(1, 256))


def evaluate(options: EvaluateOptions) -> dict[str, Any]:
    """Evaluates as the options say, and writes everything into the output folder.

    Returns:
        What `metrics.json` holds.

    Raises:
        UserError: The model, the data or the folder can't be used.
    """
    from train.datasets import load_faces
    from train.evaluate.figures import compute_figures
    from train.evaluate.leaks import check_copies
    from train.evaluate.out_of_distribution import cut_pieces, measure_outliers
    from train.evaluate.report import Results, write_all
    from train.evaluate.robustness import all_logits, measure_robustness
    from train.evaluate.selection import first_notes, select, spread
    from train.inference import open_model

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
        pieces = (
            cut_pieces(options.backgrounds, manifest.preprocess, options.seed)
            if options.backgrounds
            else []
        )
        logits = all_logits(engine, faces, faces.name)
        figures = compute_figures(logits, faces, manifest.temperature)
        _say(figures, len(faces))
        outliers = None
        if pieces:
            outliers = measure_outliers(engine, pieces, logits, faces)
            _say_outliers(outliers)
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
        "doubt_auroc": None if figures.doubt is None else round(figures.doubt, 4),
        "not_faces": None if outliers is None else outliers.figures(),
        "per_class": [row.figures() for row in figures.classes],
        "confusion": figures.score.confusion.tolist(),
        "copies": None if leak is None else leak.figures,
        "corruptions": None if robustness is None else robustness.figures(),
        "notes": notes,
    }
    write_all(folder, metrics, Results(figures, logits, faces, places, leak, robustness))
    print(f"{folder / 'report.html'}: all of it ({time.monotonic() - start:.0f} s)", flush=True)
    return metrics


def _model_path(options: EvaluateOptions) -> Path:
    """The one model that the options name."""
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
    """The headline on standard output."""
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
    if figures.doubt is not None:
        print(f"low confidence tells the {n - score.n} disputed faces: AUROC {figures.doubt:.3f}")


def _say_outliers(outliers: Outliers) -> None:
    print(
        f"low confidence tells {outliers.n} pieces without a face from faces: AUROC "
        f"{outliers.auroc:.3f}; uncertain: {outliers.uncertain:.1%} of them, "
        f"{outliers.uncertain_faces:.1%} of the faces",
        flush=True,
    )


def _origin(options: EvaluateOptions, path: Path, engine: Engine) -> dict[str, Any]:
    """Where the figures come from: enough to make them again."""
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
