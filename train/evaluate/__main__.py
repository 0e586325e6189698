"""Entry point of `python -m train.evaluate`."""

import sys

from runtime.support.cli import run_command
from train.evaluate.command import main

if __name__ == "__main__":
    sys.exit(run_command(main, None))
