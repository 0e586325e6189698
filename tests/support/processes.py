"""Processes that tests start."""

from __future__ import annotations

import signal


def heed_ctrl_c() -> None:
    """For `preexec_fn`: Ctrl-C works in the child, also where our parent has us ignore it.

    `nohup`, a shell's background jobs and some CI runners do that, and a child inherits
    it; what we start then rightly ignores it too.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
