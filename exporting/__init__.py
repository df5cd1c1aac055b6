"""Trained readers as files that run without Keras: SavedModel, ONNX and LiteRT."""

from exporting.check import ExportError
from exporting.make import Export, export

__all__ = ["Export", "ExportError", "export"]
