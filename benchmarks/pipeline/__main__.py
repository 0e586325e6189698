"""Entry point of `python -m benchmarks.pipeline`."""

import sys

from benchmarks.pipeline.command import main
from runtime.support.cli import run_command

if __name__ == "__main__":
    sys.exit(run_command(main, None))
