"""Turns a transformers BERT into the ONNX file that the worker runs (extra `export`).

Nothing in `stream` imports this package, so the service never needs torch.
"""
