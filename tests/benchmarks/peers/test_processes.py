"""Why a child failed, in a line."""

from __future__ import annotations

from benchmarks.peers.processes import reason


def test_a_reason_is_one_short_line_without_addresses() -> None:
    log = "Traceback\n  File x\nURLError: https://user:secret@host/x failed\nnpm notice bye\n\n"
    assert reason(log) == "URLError: (an address) failed"
    assert reason("") == "it says nothing"
    assert reason("\N{CHAINS} Error:  no\tweights") == "Error: no weights"
    assert len(reason("error " * 100)) == 120
