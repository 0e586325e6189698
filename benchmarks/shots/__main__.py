"""Entry point of `python -m benchmarks.shots`."""

import sys

from benchmarks.shots.command import main
from runtime.support.cli import run_command

if __name__ == "__main__":
    sys.exit(run_command(main, None))
