"""What a training step sends between two hosts, counted, beside the arithmetic for it.

    sudo .venv/bin/python benchmarks/gradient_traffic.py deep_cnn_tiny residual_cnn_tiny
    python benchmarks/gradient_traffic.py --table    # the arithmetic alone, for every model

The two hosts are network namespaces of this machine, joined by a cable of their own (Linux,
root, iproute2): what one of them sends is what its network card counts. Each trains its half of
every batch by `training.distribution`, on the CPU. The arithmetic: to sum the gradients over n
hosts, each sends 2 (n − 1) / n times their size, here once four bytes for each parameter.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

HOSTS = ("10.77.0.1", "10.77.0.2")
PORT = 7000
STEPS = 12
FIRST = 2  # steps before are not counted: in them connections are made


@contextlib.contextmanager
def two_hosts():
    """Names of two network namespaces with a cable between them."""
    names = [f"zoo-{number}" for number in range(2)]
    cards = [f"zoo{number}" for number in range(2)]
    try:
        for name, address in zip(names, HOSTS, strict=True):
            _run("ip", "netns", "add", name)
            # JAX's CPU processes tell each other the address of their host's name.
            hosts = Path("/etc/netns") / name / "hosts"
            hosts.parent.mkdir(parents=True, exist_ok=True)
            hosts.write_text(f"127.0.0.1 localhost\n{address} {os.uname().nodename}\n")
        _run("ip", "link", "add", cards[0], "type", "veth", "peer", "name", cards[1])
        for name, card, address in zip(names, cards, HOSTS, strict=True):
            _run("ip", "link", "set", card, "netns", name)
            inside = ("ip", "-n", name)
            _run(*inside, "address", "add", f"{address}/24", "dev", card)
            _run(*inside, "link", "set", card, "up")
            _run(*inside, "link", "set", "lo", "up")
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], stderr=subprocess.DEVNULL, check=False)
            (Path("/etc/netns") / name / "hosts").unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                (Path("/etc/netns") / name).rmdir()


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


def sent_bytes(card: str) -> int:
    """Bytes that a network card has sent, headers included."""
    for line in Path("/proc/net/dev").read_text().splitlines():
        name, _, counts = line.partition(":")
        if name.strip() == card:
            return int(counts.split()[8])
    raise ValueError(f"there is no network card {card} here")


def count_on_one_host(name: str, process: int) -> None:
    """Train a few steps as one of the two and print what was sent, as JSON."""
    import keras
    import numpy as np

    import models
    from labels import BOX
    from models.losses import losses
    from training.distribution import choose
    from training.fit import optimizer
    from training.recipes import get_recipe

    counted = []

    class Count(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            float(logs["loss"])  # the step is done when there is a loss
            counted.append(sent_bytes(f"zoo{process}"))

    def build(restore):
        model = models.create(name)
        digits = model.output["digits"].shape[1]
        loss = losses(digits, box=BOX in model.output)
        model.compile(optimizer(get_recipe("photos"), STEPS), loss=loss, jit_compile=True)
        model.optimizer.build(model.trainable_variables)
        return model

    devices = choose(f"{HOSTS[0]}:{PORT}", 2, process)
    keras.utils.set_random_seed(0)
    with devices.together(dict, {}):
        model = devices.make(build)
        rng = np.random.default_rng(process)
        digits = model.output["digits"].shape[1]
        truth = {"digits": np.zeros((1, digits)), "length": np.full(1, digits)}
        truth["box"] = np.array([[0.2, 0.2, 0.8, 0.8]], "float32")

        def batches():
            wanted = {key: truth[key] for key in model.output}
            while True:
                yield rng.uniform(0, 255, (1, *model.input_shape[1:])).astype("float32"), wanted

        model.fit(batches(), steps_per_epoch=STEPS, shuffle=False, verbose=0, callbacks=[Count()])
    per_step = (counted[-1] - counted[FIRST]) / (len(counted) - 1 - FIRST)
    print(json.dumps({"parameters": trained_parameters(model), "bytes": per_step}))


def trained_parameters(model) -> int:
    """How many numbers a gradient has."""
    return sum(math.prod(variable.shape) for variable in model.trainable_variables)


def show_table() -> None:
    """Print, for each model, what each machine sends in a step and how long a network takes."""
    import models

    print("| model | parameters | sent by each of 2 | of many | at 1 Gb/s | 10 Gb/s | 100 Gb/s |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name in models.list_models():
        parameters = trained_parameters(models.create(name))
        waits = [1000 * 8 * parameters / (rate * 1e9 / 8) for rate in (1, 10, 100)]
        times = " | ".join(f"{ms:,.0f} ms" if ms >= 10 else f"{ms:.2g} ms" for ms in waits)
        sent = " | ".join(f"{each * parameters / 1e6:.3g} MB" for each in (4, 8))
        print(f"| `{name}` | {parameters:,} | {sent} | {times} |")


def main() -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="*", default=["deep_cnn_tiny", "residual_cnn_tiny"])
    parser.add_argument("--table", action="store_true", help="the arithmetic alone")
    parser.add_argument("--process", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.table:
        show_table()
        return 0
    if options.process is not None:
        count_on_one_host(options.models[0], options.process)
        return 0
    environment = os.environ | {"KERAS_BACKEND": "jax", "TF_CPP_MIN_LOG_LEVEL": "2"}
    into = ("ip", "netns", "exec")
    print("model              parameters  4 B each  counted  (MB that each host sends in a step)")
    for name in options.models:
        with two_hosts() as hosts:
            started = [
                subprocess.Popen(
                    [*into, host, sys.executable, __file__, name, "--process", str(process)],
                    cwd=ROOT,
                    env=environment,
                    stdout=subprocess.PIPE,
                    text=True,
                )
                for process, host in enumerate(hosts)
            ]
            for process in started:
                output, _ = process.communicate()
                if process.returncode:
                    return process.returncode
                found = json.loads(output.splitlines()[-1])
                expected = 4 * found["parameters"] / 1e6
                print(  # one line for each host
                    f"{name:18} {found['parameters']:>10,} {expected:>9.3f} "
                    f"{found['bytes'] / 1e6:>8.3f}"
                )
    return 0


if __name__ == "__main__":
    sys.exit(main())
