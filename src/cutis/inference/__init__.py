"""Serving a bundle: ONNX Runtime and NumPy, no torch."""
