"""The console scripts that an installed wheel has.

Unlike `python -m`, they don't search the current folder for modules, so a
`runtime.py` or `numpy.py` that lies there is never imported.
"""

from __future__ import annotations

from runtime.support.cli import run_command


def webcam() -> int:
    """`emotion-webcam`: as `python -m runtime.webcam`; returns the exit code."""
    from runtime.webcam import main

    return run_command(main, None)


def predict() -> int:
    """`emotion-predict`: as `python -m runtime.predict`; returns the exit code."""
    from runtime.predict import main

    return run_command(main, None)


def doctor() -> int:
    """`emotion-doctor`: as `python -m runtime.doctor`; returns the exit code."""
    from runtime.doctor import main

    return run_command(main, None)
