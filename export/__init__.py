"""From a checkpoint to verified artifacts for the device. Needs the `export` extra."""

import runtime  # noqa: F401 - ONNX Runtime's telemetry is off before it is imported
