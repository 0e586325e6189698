"""Sinks that send results to another machine."""
