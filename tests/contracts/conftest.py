"""Fixtures of the suites that every implementation of a Protocol must pass."""

from tests.runtime.conftest import gpu, make_plan

__all__ = ["gpu", "make_plan"]
