"""Trained models as files that run without Keras: ONNX, LiteRT and SavedModel."""

from exporting.check import ExportError
from exporting.convert import Export, export

__all__ = ["Export", "ExportError", "export"]
