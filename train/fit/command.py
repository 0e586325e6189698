"""`python -m train.fit`: trains a model from labelled faces."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.errors import UserError
from runtime.manifest import EMOTIONS
from runtime.support.cli import parse_options
from train.fit.options import FitOptions
from train.threads import let_threads_sleep

if TYPE_CHECKING:
    from train.datasets.faces import FaceSet

PROG = "python -m train.fit"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    let_threads_sleep()
    fit(parse_options(FitOptions, PROG, argv))
    return 0


def fit(options: FitOptions) -> Path:
    """Trains as the options say.

    Returns:
        Path of the best checkpoint.

    Raises:
        UserError: Data, options or the checkpoint to resume from are wrong.
        KeyboardInterrupt: Ctrl-C ended the training; its summary is written.
    """
    from train.datasets.catalogue import load_faces
    from train.datasets.notes import say
    from train.fit.run import TrainingRun

    root = Path(options.data_dir)
    train = load_faces(root, options.dataset, "train").with_votes()
    valid = load_faces(root, options.dataset, "valid").with_votes()
    train, valid = train.spread(options.limit_train), valid.spread(options.limit_valid)
    train = train.without_empty_classes()
    valid = valid.in_classes_of(train.labels)
    if len(train) < 2:
        raise UserError(f"{train.name}: one face is too few to train on")
    if not (valid.majority >= 0).any():
        say(f"{valid.name}: no face has a majority label; the likelihood of the votes chooses")
    _describe(train)
    _describe(valid)
    return TrainingRun(options, train, valid).run()


def _describe(faces: FaceSet) -> None:
    """Says what a set holds, and which emotions it lacks."""
    shares = faces.targets().mean(0)
    named = ", ".join(
        f"{label} {share:.1%}" for label, share in zip(faces.labels, shares, strict=True)
    )
    missing = [label for label in EMOTIONS if label not in faces.labels]
    lacks = f"; nothing on {', '.join(missing)}: left out" if missing else ""
    print(f"{faces.name}: {len(faces)} faces ({named}){lacks}", flush=True)
