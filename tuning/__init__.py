"""Search for better models: `python -m tuning --help`, or

    import tuning

    search = tuning.plan("deep_cnn", "mnist_numbers", trials=20)
    tuning.run_search(search, "runs/search")
    tuning.plot_hyperparameters("runs/search")

keras-tuner is only imported by the functions that need it.
"""

from __future__ import annotations

from artifacts.lazy import lazy_attributes

_MODULES = {
    "Search": "search",
    "best_configuration": "loop",
    "plan": "search",
    "plot_cost": "charts",
    "plot_hyperparameters": "charts",
    "plot_trials": "charts",
    "print_space": "report",
    "print_summary": "report",
    "read_records": "trial",
    "run_search": "loop",
    "write_report": "report",
}

__all__ = sorted(_MODULES)
__getattr__ = lazy_attributes(__name__, _MODULES)
