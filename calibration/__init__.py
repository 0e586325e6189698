"""Fits what follows training: confidence, and the ranges of INT8."""

import runtime  # noqa: F401 - ONNX Runtime's telemetry is off before it is imported
