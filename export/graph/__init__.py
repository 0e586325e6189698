"""ONNX graphs: written, changed in precision, checked."""
