"""The sides that are compared. Each is imported in its own process alone."""

from __future__ import annotations

import importlib

from peers.side import Side, Unsupported, Way

__all__ = ["SIDES", "Side", "Unsupported", "Way", "make"]

# Name of a side -> what it is. The module of the same name holds its class `Peer`.
SIDES = {
    "tuned": "kernels of this project, scheduled by the search",
    "tilewright": "kernels of this project, scheduled by hand",
    "numpy_openblas": "NumPy, whose matrix products are OpenBLAS",
    "torch": "PyTorch: MKL and oneDNN",
    "onednn": "oneDNN called directly, every layout of its choice",
    "onnxruntime": "ONNX Runtime",
    "openvino": "OpenVINO",
    "halide": "Halide with its auto-schedulers",
}


def make(name: str, threads: int) -> Side:
    """Import a side; whatever its library raises passes through."""
    return importlib.import_module(f"peers.{name}").Peer(threads)
