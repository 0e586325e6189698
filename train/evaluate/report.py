"""Writes figures as JSON, CSV and plots, and all of it as one page."""

from __future__ import annotations

import base64
import csv
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from numpy.typing import NDArray

from runtime.emotion.classifier import softmax
from runtime.errors import UserError
from train.data.corruptions import CORRUPTIONS, STRENGTHS, corrupt
from train.datasets.faces import FaceSet
from train.evaluate import plots
from train.evaluate.copies import Copy
from train.evaluate.figures import Figures, Logits
from train.evaluate.leaks import Leak
from train.evaluate.robustness import Robustness

#: Mistakes and copies that the report shows.
MISTAKES, COPIES = 24, 12

#: Longest side of a picture in the report, in pixels.
_LARGEST = 160

#: Every file that a run may leave; those of an earlier run must not pass for this one's.
_LAST = "metrics.json"  # stands for a finished run
_FILES = (
    *("report.html", "per_class.csv", "roc.png", "reliability.png"),
    *("confusion_counts.csv", "confusion_counts.png"),
    *("confusion_normalised.csv", "confusion_normalised.png"),
    *("corruptions.csv", "corruptions.png", "copies.csv", _LAST),
)


@dataclass(frozen=True, eq=False)
class Results:
    """What an evaluation found.

    Attributes:
        figures: Figures with their curves.
        logits: (N, C) float32.
        faces: The N evaluated faces.
        places: (N,) int64 their places in the split.
        leak: Copies of training faces; None where they were not looked for.
        robustness: Accuracy under corruptions; None where it was not measured.
    """

    figures: Figures
    logits: Logits
    faces: FaceSet
    places: NDArray[np.int64]
    leak: Leak | None
    robustness: Robustness | None


def write_all(folder: Path, metrics: dict[str, Any], results: Results) -> None:
    """Writes every file of an evaluation.

    Args:
        folder: Where; made if it is missing.
        metrics: What `metrics.json` shall hold.
        results: What plots, tables and pictures are made from.

    Raises:
        UserError: A file can't be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # A run that fails here leaves the files of an earlier one whole.
        with TemporaryDirectory(".partial", "evaluation.", folder) as staging:
            staged = Path(staging)
            _write_files(staged, metrics, results)
            (folder / _LAST).unlink(missing_ok=True)
            for name in _FILES:
                if (staged / name).is_file():
                    os.replace(staged / name, folder / name)
                else:
                    (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"{error.filename or folder}: {error.strerror or error}") from error


def _write_files(folder: Path, metrics: dict[str, Any], results: Results) -> None:
    r = results
    _write_tables(folder, metrics, r)
    _write_plots(folder, r.figures, r.faces.labels, r.robustness)
    probabilities = softmax(r.logits, r.figures.after.temperature)
    page = _render(
        m=metrics,
        images={path.stem: _uri(path.read_bytes()) for path in folder.glob("*.png")},
        mistakes=worst_mistakes(probabilities, r.faces, r.places),
        copies=[] if r.leak is None else _copy_pairs(r.leak, r.faces),
        sheet=[] if r.robustness is None else _sheet(r, metrics["options"]["seed"]),
    )
    # Paths may hold bytes that are no text.
    (folder / "report.html").write_text(page, encoding="utf-8", errors="backslashreplace")
    (folder / _LAST).write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")


def worst_mistakes(
    probabilities: NDArray[np.float64], faces: FaceSet, places: NDArray[np.int64]
) -> list[dict[str, Any]]:
    """Gives the wrong guesses of highest confidence, surest first.

    Args:
        probabilities: (N, C).
        faces: N faces; those without a majority can't be wrong.
        places: (N,) their places in the split.
    """
    guess, sure = probabilities.argmax(1), probabilities.max(1)
    wrong = np.flatnonzero((faces.majority >= 0) & (guess != faces.majority))
    result = []
    for index in wrong[np.argsort(-sure[wrong], kind="stable")][:MISTAKES]:
        votes = faces.votes[index]
        said = [
            f"{faces.labels[k]} {votes[k]:g}"
            for k in np.argsort(-votes, kind="stable")
            if votes[k] > 0
        ]
        truth = int(faces.majority[index])
        result.append(
            {
                "image": _picture(faces.images[int(index)]),
                "place": int(places[index]),
                "truth": faces.labels[truth],
                "guess": faces.labels[int(guess[index])],
                "sure": float(sure[index]),
                "truth_share": float(probabilities[index, truth]),
                "votes": ", ".join(said) if faces.soft else "",
            }
        )
    return result


def _write_tables(folder: Path, metrics: Mapping[str, Any], results: Results) -> None:
    faces = results.faces
    _write_csv(folder / "per_class.csv", metrics["per_class"])
    counts = results.figures.score.confusion.numpy()
    for name, table in (("counts", counts), ("normalised", _shares(counts))):
        rows = [
            {"truth": label, **dict(zip(faces.labels, row, strict=True))}
            for label, row in zip(faces.labels, table.tolist(), strict=True)
        ]
        _write_csv(folder / f"confusion_{name}.csv", rows)
    if metrics["corruptions"] is not None:
        _write_csv(folder / "corruptions.csv", metrics["corruptions"]["rows"])
    if results.leak is not None:
        header = ("row", "train_row", "kind", "mirrored", "similarity", "truth")
        rows = [_copy_row(copy, faces, results.places) for copy in results.leak.copies]
        _write_csv(folder / "copies.csv", rows, header)


def _copy_row(copy: Copy, faces: FaceSet, places: NDArray[np.int64]) -> dict[str, Any]:
    """Makes a row of the table; rows count from 0, in the order that the reader gives the faces."""
    majority = int(faces.majority[copy.face])
    return {
        "row": int(places[copy.face]),
        "train_row": copy.train,
        "kind": "exact" if copy.exact else "near",
        "mirrored": int(copy.mirrored),
        "similarity": round(copy.similarity, 4),
        "truth": faces.labels[majority] if majority >= 0 else None,
    }


def _write_csv(
    path: Path, rows: Sequence[Mapping[str, Any]], header: Sequence[str] | None = None
) -> None:
    """Writes a table with a header; what is undefined stays blank."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, header or list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _shares(counts: NDArray[np.int64]) -> NDArray[np.object_]:
    """Makes rows of (C, C) counts as rounded fractions; None in rows without faces."""
    total = counts.sum(1, keepdims=True)
    shares: NDArray[np.object_] = (counts / np.maximum(total, 1)).round(4).astype(object)
    shares[total[:, 0] == 0] = None
    return shares


def _write_plots(
    folder: Path, figures: Figures, labels: Sequence[str], robustness: Robustness | None
) -> None:
    counts = figures.score.confusion.numpy()
    plots.save(plots.confusion(counts, labels, False), folder / "confusion_counts.png")
    plots.save(plots.confusion(counts, labels, True), folder / "confusion_normalised.png")
    plots.save(plots.roc(figures.classes), folder / "roc.png")
    plots.save(plots.reliability(figures.before, figures.after), folder / "reliability.png")
    if robustness is not None:
        plots.save(plots.corruptions(robustness), folder / "corruptions.png")


def _copy_pairs(leak: Leak, faces: FaceSet) -> list[dict[str, Any]]:
    """Makes pictures of some pairs of copies, the least alike first."""
    return [
        {
            "pair": (_picture(faces.images[c.face]), _picture(leak.train.images[c.train])),
            "kind": ("exact" if c.exact else f"near, {c.similarity:.2f}")
            + (", mirrored" if c.mirrored else ""),
        }
        for c in sorted(leak.copies, key=lambda c: c.similarity)[:COPIES]
    ]


def _sheet(results: Results, seed: int) -> list[tuple[str, list[str]]]:
    """Shows one face under every corruption: (name, five pictures) a row."""
    index = int(np.flatnonzero(results.faces.majority >= 0)[0])
    face, place = results.faces.images[index], int(results.places[index])
    return [
        (name, [_picture(corrupt(face, name, s, seed, place)) for s in STRENGTHS])
        for name in CORRUPTIONS
    ]


def _picture(face: NDArray[np.uint8]) -> str:
    longest = max(face.shape[:2])
    if longest > _LARGEST:
        scale = _LARGEST / longest
        face = np.asarray(cv2.resize(face, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    return _uri(cv2.imencode(".png", face)[1].tobytes())


def _uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()


def _render(**values: Any) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = lambda v: "" if v is None else f"{100 * v:.1f}%"
    environment.filters["number"] = lambda v: "" if v is None else f"{v:.3f}"
    return environment.get_template("report.html").render(**values)
