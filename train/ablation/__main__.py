"""Entry point of `python -m train.ablation`."""

import signal
import sys

from runtime.support.cli import run_command
from train.ablation.command import main

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(run_command(main, None))
