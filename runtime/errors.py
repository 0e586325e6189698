"""Errors that a user can mend.

Command lines print a `UserError` as one line on standard error and exit with
code 2; anything else that escapes is a defect and keeps its traceback.
"""

from __future__ import annotations


class UserError(Exception):
    """Something the user can put right; the message says what and how."""


class ManifestError(UserError):
    """A model's manifest is missing, malformed or contradicts the model."""


class EngineError(UserError):
    """A model file can't be opened or run as asked."""


class SourceError(UserError):
    """A camera, file, folder or stream can't be read."""


class Unreachable(SourceError):
    """A camera or stream isn't there; it may come later."""


class StageError(UserError):
    """A pipeline stage failed; `__cause__` holds the original error.

    Attributes:
        stage: Name of the stage (`capture`, `detect`, `classify`, `sink`).
        frame: Index of the frame it was working on, or None.
    """

    def __init__(self, stage: str, frame: int | None, cause: BaseException) -> None:
        where = stage if frame is None else f"{stage}, frame {frame}"
        detail = str(cause) or type(cause).__name__
        super().__init__(f"{where}: {detail}")
        self.stage = stage
        self.frame = frame


def in_checkout(command: str) -> str:
    """A command of the packages that an installed runtime lacks, as messages name it.

    Args:
        command: What follows `python -m`.
    """
    return f"`python -m {command}` in a checkout of this project"
