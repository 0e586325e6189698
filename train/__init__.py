"""From labelled faces to a checkpoint. Needs the `train` extra."""

import runtime  # noqa: F401 - ONNX Runtime's telemetry is off before it is imported
