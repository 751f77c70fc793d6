"""Mutate valid frames of every model: nothing may crash a codec, and nothing malformed may be accepted.

    python -m benchmarks.fuzz_codecs --frames 1000000 --seed 1

Ends with 1, and names the frames, when a codec raised, broke its contract, or accepted what the tables of
`tests.support.frame_structure`, written apart from the codecs, do not allow.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator, Sequence

import numpy as np

from devices.codecs.believable import unbelievable, without
from devices.codecs.catalogue import CODECS
from devices.quantities import QUANTITIES
from tests.support.codec_vectors import VECTORS, Vector
from tests.support.frame_structure import well_formed

BATCH = 500
"""Frames handed to a codec at once: faults and good frames side by side, as in service."""


def mutate(frame: bytes, rng: random.Random) -> bytes:
    """A frame with one or a few faults of the kinds that radio, gateways and people make."""
    data = bytearray(frame)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(7):
            case 0 if data:
                data[at % len(data)] = rng.randrange(256)
            case 1 if data:
                data[at % len(data)] ^= 1 << rng.randrange(8)
            case 2:
                del data[at:]
            case 3:
                data += rng.randbytes(rng.randint(1, 6))
            case 4 if data:
                del data[at % len(data)]
            case 5:
                data[at:at] = rng.randbytes(1)
            case _:
                data[at:at] = data[: rng.randint(0, len(data))]
    return bytes(data)


def batches(frames: int, rng: random.Random) -> Iterator[tuple[str, list[bytes], list[int | None]]]:
    """Batches of mutated frames, model by model in turn; every tenth frame stays as it was."""
    by_model: dict[str, list[Vector]] = {}
    for vector in VECTORS:
        by_model.setdefault(vector.model, []).append(vector)
    models, made = sorted(by_model), 0
    while made < frames:
        model = models[made // BATCH % len(models)]
        chosen = [rng.choice(by_model[model]) for _ in range(min(BATCH, frames - made))]
        payloads = [
            bytes.fromhex(vector.frame) if rng.random() < 0.1 else mutate(bytes.fromhex(vector.frame), rng)
            for vector in chosen
        ]
        yield (
            model,
            payloads,
            [vector.port if rng.random() < 0.95 else rng.randrange(256) for vector in chosen],
        )
        made += len(payloads)


def faults(model: str, payloads: Sequence[bytes], ports: Sequence[int | None]) -> tuple[list[str], int]:
    """(what is wrong, how many were accepted) in one batch."""
    try:
        decoded = CODECS[model].decode(model, payloads, ports)
        decoded = without(decoded, unbelievable(decoded))
    except Exception as error:
        return [f"{model}: raised {error!r} on one of {[payload.hex() for payload in payloads]}"], 0
    found = []
    readings = set(decoded.row.tolist())
    ends = [*readings, *decoded.errors, *decoded.notices]
    if sorted(ends) != list(range(len(payloads))) or (np.diff(decoded.row) < 0).any():
        found.append(f"{model}: payloads without exactly one end, or rows out of order")
    for name, column in decoded.columns.items():
        quantity = QUANTITIES[name]
        measured = column[~np.isnan(column)]
        if len(measured) and not (quantity.low <= measured.min() <= measured.max() <= quantity.high):
            found.append(f"{model}: {name} out of its range")
    accepted = 0
    for row, (payload, port) in enumerate(zip(payloads, ports, strict=True)):
        if row in decoded.errors:
            continue
        accepted += 1
        if not well_formed(model, payload, port):
            found.append(f"{model}: accepted malformed {payload.hex()} on port {port}")
    return found, accepted


def main() -> int:
    """Run, print the figures, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    rng = random.Random(wanted.seed)
    start, tried, accepted, wrong = time.perf_counter(), 0, 0, 0
    for model, payloads, ports in batches(wanted.frames, rng):
        found, good = faults(model, payloads, ports)
        tried, accepted, wrong = tried + len(payloads), accepted + good, wrong + len(found)
        for fault in found:
            print(fault, file=sys.stderr)
    seconds = time.perf_counter() - start
    print(
        f"{tried:,} frames of {len(CODECS)} models in {seconds:.0f} s (seed {wanted.seed}): "
        f"{accepted:,} accepted, {tried - accepted:,} refused, {wrong} faults"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
