"""Entry point of `python -m train.ablation`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

from runtime.support.cli import parse_options, run_command
from train.ablation import AblationOptions, ablate

PROG = "python -m train.ablation"


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    # As in train.fit: before PyTorch starts its threads.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    ablate(parse_options(AblationOptions, PROG, argv))
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(run_command(main, None))
