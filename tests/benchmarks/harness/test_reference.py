"""REF is a time, and frees its network."""

from __future__ import annotations

from contextlib import closing

from benchmarks.harness.reference import Reference


def test_a_pass_takes_time() -> None:
    with closing(Reference()) as reference:
        assert reference.ms() > 0
        assert reference.ms(3) > 0
