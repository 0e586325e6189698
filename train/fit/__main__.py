"""Entry point of `python -m train.fit`."""

import signal
import sys

from runtime.support.cli import run_command
from train.fit.command import main

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(run_command(main, None))
