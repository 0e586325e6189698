"""Engines run models; nothing else of the runtime knows a backend."""

from __future__ import annotations

from runtime.engines.base import Engine, Network, open_engine, open_network, read_manifest
from runtime.engines.plan import PlanError

__all__ = ["Engine", "Network", "PlanError", "open_engine", "open_network", "read_manifest"]
