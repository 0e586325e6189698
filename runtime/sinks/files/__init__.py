"""Sinks that write files."""
