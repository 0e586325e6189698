"""Metrics and health of a run, and the server that answers with them."""
