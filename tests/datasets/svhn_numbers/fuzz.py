"""Feed the reader of `digitStruct.mat` mutated copies of genuine files.

    python -m tests.datasets.svhn_numbers.fuzz --cases 30000

Every case is drawn from the seed and its own number, so one case can be run again alone
(`--first 1234 --cases 1`). A case is fine if the file is read, and what comes out keeps the
reader's promises, or refused with a `DigitStructError`; anything else, or a case that takes more
than `--slow` seconds of processor time, is a finding. Mutations aim at bytes that the reader
looks at.
"""

from __future__ import annotations

import argparse
import collections
import resource
import sys
import time
import traceback
from pathlib import Path

import numpy as np

from datasets.svhn_numbers import digit_struct, hdf5_bulk

SEED = 20110712


def touched_positions(data: bytes) -> np.ndarray:
    """Positions of the bytes that the reader looks at in `data`, sorted."""
    seen = np.zeros(len(data), bool)

    class Tracer(hdf5_bulk.Hdf5Image):
        def take(self, dtype, at):
            for place in range(np.dtype(dtype).itemsize):
                seen[np.clip(np.asarray(at) + place, 0, len(data) - 1)] = True
            return super().take(dtype, at)

    original, digit_struct.Hdf5Image = digit_struct.Hdf5Image, Tracer
    try:
        digit_struct.parse_digit_struct(data, "traced")
    finally:
        digit_struct.Hdf5Image = original
    return np.flatnonzero(seen)


def mutate(data: bytes, touched: np.ndarray, case: int, seed: int = SEED) -> bytes:
    """One mutated copy: one to four changes, most of them where the reader looks."""
    rng = np.random.default_rng((seed, case))
    copy = bytearray(data)
    for _ in range(rng.integers(1, 5)):
        change = _CHANGES[rng.integers(len(_CHANGES))]
        at = int(rng.choice(touched) if rng.random() < 0.85 else rng.integers(len(data)))
        change(copy, min(at, len(copy) - 1), rng, touched)
        if len(copy) < 2:
            break
    return bytes(copy)


def _flip(copy, at, rng, touched):
    copy[at] ^= 1 << int(rng.integers(8))


def _byte(copy, at, rng, touched):
    copy[at] = int(rng.integers(256))


def _word(copy, at, rng, touched):
    """A number that breaks arithmetic, or the address of something else in the file."""
    width = int(rng.choice([2, 4, 8]))
    odd = [0, 1, -1, 2**15, 2**31 - 1, 2**31, 2**63 - 1, -(2**63), len(copy), len(copy) - 512]
    odd += [at - 512, int(rng.choice(touched)) - 512, int(rng.integers(len(copy)))]
    value = odd[rng.integers(len(odd))] % (1 << (8 * width))
    copy[at : at + width] = value.to_bytes(width, "little")[: len(copy) - at]


def _number(copy, at, rng, touched):
    values = [np.nan, np.inf, -np.inf, -1.0, 0.0, 1e308, 5e-324, 2.5, 65537.0]
    copy[at : at + 8] = np.float64(rng.choice(values)).tobytes()[: len(copy) - at]


def _copy_block(copy, at, rng, touched):
    """Another part of the file in place of this one: so objects change kind and references loop."""
    length = int(rng.choice([8, 16, 40, 272, 544]))
    source = int(rng.choice(touched))
    block = copy[source : source + length]
    copy[at : at + len(block)] = block[: len(copy) - at]


def _wipe_block(copy, at, rng, touched):
    length = min(int(rng.choice([8, 64, 512, 4096])), len(copy) - at)
    copy[at : at + length] = bytes([int(rng.choice([0, 255]))]) * length


def _cut(copy, at, rng, touched):
    if rng.random() < 0.3:  # rare: nearly every cut file is refused at the first check
        del copy[at:]


_CHANGES = (_flip, _byte, _word, _word, _number, _copy_block, _copy_block, _wipe_block, _cut)


def check_promises(structs: digit_struct.DigitStruct) -> None:
    """Raise AssertionError unless `structs` is what the reader promises."""
    digits = len(structs.labels)
    assert structs.offsets[0] == 0 and structs.offsets[-1] == digits
    assert structs.boxes.shape == (digits, 4) and structs.boxes.dtype == np.float32
    assert len(structs.offsets) == len(structs.names) + 1
    assert ((structs.digit_counts >= 1) & (structs.digit_counts <= 64)).all()
    assert ((structs.labels >= 0) & (structs.labels <= 9)).all()
    assert np.isfinite(structs.boxes).all()
    assert (structs.boxes[:, 2:] >= structs.boxes[:, :2]).all()
    assert all(name and "/" not in name for name in structs.names.tolist())


def run_case(data: bytes, *, skip_broken: bool) -> str:
    """Read one file; return what became of it, raise if that is a finding."""
    try:
        structs = digit_struct.parse_digit_struct(data, "case.mat", skip_broken=skip_broken)
    except digit_struct.DigitStructError as error:
        assert str(error).startswith("case.mat: ")
        return "refused"
    check_promises(structs)
    return "read in part" if structs.skipped else "read"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    default = Path(__file__).parents[3].parent / "shared/data/svhn_sample/genuine"
    parser.add_argument("--genuine", type=Path, default=default, help="folder of genuine files")
    parser.add_argument("--cases", type=int, default=30_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--slow", type=float, default=5.0, help="seconds that are a finding")
    arguments = parser.parse_args()
    files = sorted(arguments.genuine.rglob("digitStruct.mat"))
    if not files:
        parser.error(f"no digitStruct.mat under {arguments.genuine}")
    genuine = [
        (path, data, touched_positions(data)) for path in files for data in [path.read_bytes()]
    ]
    outcomes, findings = collections.Counter(), 0
    slowest, started = (0.0, 0), time.monotonic()
    for case in range(arguments.first, arguments.first + arguments.cases):
        path, data, touched = genuine[case % len(genuine)]
        begun = time.process_time()  # a machine that is busy elsewhere is no finding
        try:
            outcome = run_case(
                mutate(data, touched, case, arguments.seed),
                skip_broken=case // len(genuine) % 2 == 1,
            )
        except Exception:
            outcome, findings = "FINDING", findings + 1
            print(f"case {case} on {path}:\n{traceback.format_exc()}", flush=True)
        took = time.process_time() - begun
        slowest = max(slowest, (took, case))
        if took > arguments.slow:
            findings += 1
            print(f"case {case} on {path} took {took:.1f} s", flush=True)
        outcomes[outcome] += 1
        if (case + 1) % 5000 == 0:
            print(f"{case + 1}: {dict(outcomes)}", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{arguments.cases} cases in {time.monotonic() - started:.0f} s: {dict(outcomes)}, "
        f"{findings} findings; slowest {slowest[0]:.2f} s (case {slowest[1]}), peak {peak:.0f} MiB"
    )
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
