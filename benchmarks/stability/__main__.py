"""Entry point of `python -m benchmarks.stability`."""

import sys

from benchmarks.stability.command import main
from runtime.support.cli import run_command

if __name__ == "__main__":
    sys.exit(run_command(main, None))
