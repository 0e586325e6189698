"""Honest evaluation of a model in any of its forms: figures, plots and a report."""

from train.evaluate.command import EvaluateOptions, evaluate

__all__ = ["EvaluateOptions", "evaluate"]
