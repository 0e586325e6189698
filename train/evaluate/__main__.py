"""Entry point of `python -m train.evaluate`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from runtime.support.cli import parse_options, run_command
from train.evaluate import EvaluateOptions, evaluate
from train.evaluate.command import PROG


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    # Before PyTorch starts its threads: spinning ones starve each other where
    # cores are few and shared.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    evaluate(parse_options(EvaluateOptions, PROG, argv))
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main, None))
