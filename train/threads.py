"""CPU threads of PyTorch: how they wait, and how many there are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


def let_threads_sleep() -> None:
    """Lets OpenMP's idle threads sleep, unless the user's environment says otherwise.

    Spinning ones starve each other where cores are few and shared. It works
    only before PyTorch is imported, so commands call it first.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def use_threads(count: int) -> None:
    """Sets how many CPU threads PyTorch computes with.

    Small batches gain little from several threads, and lose a factor of up to
    50 where PyTorch's pool waits for a core that another process holds.

    Args:
        count: The number; 0 leaves the choice to PyTorch.
    """
    import torch

    if count:
        torch.set_num_threads(count)


@contextmanager
def threads_for_a_while(count: int) -> Iterator[None]:
    """Computes with so many threads inside the block, and with as many as before after it."""
    import torch

    before = torch.get_num_threads()
    use_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
