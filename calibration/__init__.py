"""Fits what follows training: confidence, and the ranges of INT8."""
