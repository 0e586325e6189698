from __future__ import annotations

import pytest

from runtime.support.process import OwnProcess


def test_another_process_is_refused(monkeypatch):
    own = OwnProcess("Pipeline")
    own.check()
    assert not own.left
    monkeypatch.setattr("os.getpid", lambda: -1)
    assert own.left
    with pytest.raises(RuntimeError, match="this Pipeline was made before a fork"):
        own.check()


def test_there_is_no_copy():
    with pytest.raises(TypeError, match="can't be pickled or copied"):
        OwnProcess("Pipeline").refuse_copy()
