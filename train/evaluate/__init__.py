"""Honest evaluation of a model in any of its forms: figures, plots and a report."""
