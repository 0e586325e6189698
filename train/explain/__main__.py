"""Entry point of `python -m train.explain`."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence

from runtime.errors import UserError
from runtime.support.cli import parse_options, run_command
from train.explain import ExplainOptions, explain

PROG = "python -m train.explain"


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code: 2 if a picture could not be read."""
    # Before PyTorch starts its threads: spinning ones starve each other where
    # cores are few and shared.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    options = parse_options(ExplainOptions, PROG, argv)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    _, failed = explain(options)
    if failed:
        raise UserError(f"{failed} of the pictures could not be read (see above)")
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main, None))
