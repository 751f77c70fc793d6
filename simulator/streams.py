"""Random numbers by name: each use draws from its own stream, so that one use never shifts another."""

from __future__ import annotations

import zlib

import numpy as np


def stream(seed: int, name: str, chunk: int = 0) -> np.random.Generator:
    """The generator of one use (`name`) in one stretch of time (`chunk`), the same on every machine."""
    return np.random.default_rng([seed, zlib.crc32(name.encode()), chunk])
