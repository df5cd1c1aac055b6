"""Train two readers, a large one and a small one, on an accelerator within a given time.

    KERAS_BACKEND=jax python -m training.accelerator pack.npz --seconds 560 --out runs/any10

During the training, workers render and compose images on all CPU cores. A pool in the accelerator's
memory holds the most recent images; batches are sampled from it and augmented on the accelerator.
The schedule depends on the elapsed time, so that the training ends in time on machines of any
speed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from training.accelerator import feed
from training.accelerator.options import read_options


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    options = parse(arguments)
    with tempfile.TemporaryDirectory() as folder:
        writers = feed.reader_writers(options.pack, options.seed, Path(folder))
        weights = {kind: feed.weight_of(kind) for kind in writers}
        with feed.start(writers, weights, options.workers, options.seed) as source:
            from training.accelerator.readers import train  # after the fork, as JAX starts threads

            train(options, source)
    return 0


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command's arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m training.accelerator", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "--readers",
        dest="models",
        nargs=2,
        default=["conv_transformer", "conv_transformer_small"],
        help="a large model and a small one",
    )
    return read_options(parser, arguments, batch_size=512, pool=160_000)


if __name__ == "__main__":
    sys.exit(main())
