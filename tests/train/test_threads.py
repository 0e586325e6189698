"""One place sets up PyTorch's threads, and a user's own choice stands."""

from __future__ import annotations

import os

import pytest
import torch

from train.threads import let_threads_sleep, threads_for_a_while, use_threads


def test_threads_sleep_unless_the_environment_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    let_threads_sleep()
    assert os.environ["OMP_WAIT_POLICY"] == "passive"
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    let_threads_sleep()
    assert os.environ["OMP_WAIT_POLICY"] == "active"


def test_the_number_is_set_and_comes_back() -> None:
    before = torch.get_num_threads()
    try:
        use_threads(2)
        use_threads(0)
        assert torch.get_num_threads() == 2
        with pytest.raises(KeyError), threads_for_a_while(1):
            assert torch.get_num_threads() == 1
            raise KeyError
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
