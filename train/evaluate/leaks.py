"""What copies of training faces do to the accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.errors import UserError
from train.datasets.catalogue import load_faces
from train.datasets.faces import FaceSet
from train.evaluate.copies import Copy, find_copies
from train.evaluate.figures import Logits, plain_accuracy
from train.evaluate.options import EvaluateOptions


@dataclass(frozen=True)
class Leak:
    """The copies, and the accuracy without them.

    Attributes:
        copies: At most one an evaluated face.
        train: The training split.
        figures: Plain numbers, for JSON.
    """

    copies: list[Copy]
    train: FaceSet
    figures: dict[str, Any]


def check_copies(
    options: EvaluateOptions, faces: FaceSet, logits: Logits, notes: list[str]
) -> Leak | None:
    """Looks for the evaluated faces in the training split, and warns in one line.

    Args:
        options: Where the data set is.
        faces: N faces.
        logits: (N, C).
        notes: Gains the warning, or why nothing could be said.

    Returns:
        None where the training split can't be read.
    """
    try:
        train = load_faces(Path(options.data_dir), options.dataset, "train")
    except UserError as error:
        notes.append(f"copies of training faces: not checked ({error})")
        print(f"note: {notes[-1]}", flush=True)
        return None
    print(f"copies: comparing with {len(train)} faces of {train.name}", flush=True)
    copies = find_copies(faces.images, train.images)
    majority = faces.majority.copy()
    majority[[copy.face for copy in copies]] = -1
    accuracy, n = plain_accuracy(logits, majority), int((majority >= 0).sum())
    exact, mirrored = sum(c.exact for c in copies), sum(c.mirrored for c in copies)
    figures = {
        "train": train.name,
        "n_train": len(train),
        "exact": exact,
        "near": len(copies) - exact,
        "mirrored": mirrored,
        "accuracy_without": None if accuracy is None else round(accuracy, 4),
        "n_without": n,
    }
    if copies:
        shown = "no face is left" if accuracy is None else f"accuracy {accuracy:.2%} (n = {n})"
        notes.append(
            f"{len(copies)} of {len(faces)} faces also stand in {train.name}: {exact} exact and "
            f"{len(copies) - exact} near copies, {mirrored} mirrored; without them: {shown}"
        )
        print(f"warning: {notes[-1]}", flush=True)
    else:
        print("copies: none found", flush=True)
    return Leak(copies, train, figures)
