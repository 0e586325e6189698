"""Measures; the product never imports it."""

import runtime  # noqa: F401 - ONNX Runtime's telemetry is off before it is imported
