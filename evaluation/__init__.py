"""Evaluate trained models on the same images: figures, intervals, charts, reports.

    import evaluation

    comparison = evaluation.compare(["runs/a", "runs/b"], "mnist")
    evaluation.show(comparison)
    evaluation.write_report(comparison, "report")

Keras is imported with the first function that needs it, not on import.
"""

from __future__ import annotations

from artifacts.lazy import lazy_attributes

CONSTANT = "constant answer"
"""Name of the baseline in results: the most common training label, given for every image."""

FIGURES_FILE = "results.json"
"""Name of the file that every report of `evaluate.py` has."""

_MODULES = {
    "Comparison": "comparison",
    "Result": "comparison",
    "Saliency": "model_figures",
    "compare": "comparison",
    "crop_accuracy": "glimpses",
    "plot_confusion": "charts",
    "plot_corruption": "charts",
    "plot_coverage": "charts",
    "plot_crop_accuracy": "glimpses",
    "plot_decoding": "model_figures",
    "plot_differences": "charts",
    "plot_feature_maps": "model_figures",
    "plot_glimpses": "glimpses",
    "plot_latency": "charts",
    "plot_learning_curves": "charts",
    "plot_mistakes": "charts",
    "plot_readings": "charts",
    "plot_reliability": "charts",
    "plot_saliency": "model_figures",
    "plot_scores": "charts",
    "plot_weights": "model_figures",
    "show": "report",
    "write_report": "report",
}

__all__ = ["CONSTANT", *sorted(_MODULES)]
__getattr__ = lazy_attributes(__name__, _MODULES)
