"""What a training step on several machines sends, and how long a network takes for it.

    python benchmarks/gradient_traffic.py

Arithmetic, for every model: to sum the gradients over n machines, each of them sends
2 (n − 1) / n times their size, four bytes for each trained parameter.
"""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import models


def main() -> None:
    """Print the table."""
    print("| model | parameters | sent by each of 2 | of many | at 1 Gb/s | 10 Gb/s | 100 Gb/s |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name in models.list_models():
        trained = models.create(name).trainable_variables
        parameters = sum(math.prod(variable.shape) for variable in trained)
        waits = [1000 * 8 * parameters / (rate * 1e9 / 8) for rate in (1, 10, 100)]
        times = " | ".join(f"{ms:,.0f} ms" if ms >= 10 else f"{ms:.2g} ms" for ms in waits)
        sent = " | ".join(f"{each * parameters / 1e6:.3g} MB" for each in (4, 8))
        print(f"| `{name}` | {parameters:,} | {sent} | {times} |")


if __name__ == "__main__":
    main()
