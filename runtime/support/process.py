"""What belongs to one process: threads and open models don't live on in a fork of it."""

from __future__ import annotations

import os
from typing import NoReturn


class OwnProcess:
    """Remembers in which process something was made."""

    def __init__(self, what: str) -> None:
        """Takes this process.

        Args:
            what: What was made, for messages.
        """
        self._what = what
        self._pid = os.getpid()

    @property
    def left(self) -> bool:
        """Whether this is another process, after a fork: even its locks may never open."""
        return os.getpid() != self._pid

    def check(self) -> None:
        """Refuses another process.

        Raises:
            RuntimeError: This is one.
        """
        if self.left:
            raise RuntimeError(
                f"this {self._what} was made before a fork, which its threads and models don't "
                "survive: make a new one in this process"
            )

    def refuse_copy(self) -> NoReturn:
        """Says why there is no copy and no pickle of it.

        Raises:
            TypeError: Always.
        """
        raise TypeError(
            f"this {self._what} can't be pickled or copied: it holds open models and devices; "
            "make one in each process"
        )
