"""Engines run models; nothing else of the runtime knows a backend."""
