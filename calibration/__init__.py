"""Fits what follows training: confidence, and later the ranges of INT8."""
