"""Entry point of `python -m train.temporal`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from runtime.support.cli import parse_options, run_command
from train.temporal.command import PROG, TemporalOptions, run


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    # Before PyTorch starts its threads, as in `train.evaluate`.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    run(parse_options(TemporalOptions, PROG, argv))
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main, None))
