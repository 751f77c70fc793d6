"""A beam that traffic shakes: accelerations with modes of known frequency, damping and shape."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

Float = npt.NDArray[np.float64]


def shaken(
    frequencies_hz: Sequence[float],
    *,
    seed: int,
    channels: int = 8,
    rate_hz: float = 100.0,
    seconds: float = 600.0,
    damping: float = 0.01,
    noise_g: float = 1e-4,
    gravity_g: float = 1.0,
) -> Float:
    """float64[m, channels]  [g] of a simply supported beam with sensors along it.

    Each mode is an oscillator, solved exactly from sample to sample, under white noise that swells as sixty
    vehicles pass; shape of mode k: sin(k π x). Independent noise on every channel.
    """
    random = np.random.default_rng(seed)
    m, dt = int(seconds * rate_hz), 1 / rate_hz
    x = np.arange(1, channels + 1) / (channels + 1)
    swell = np.full(m, 0.2)
    for begin in random.uniform(0, seconds, 60):
        place = int(begin * rate_hz)
        swell[place : place + int(4 * rate_hz)] += random.uniform(1, 4)
    out = np.full((m, channels), gravity_g)
    for k, hz in enumerate(frequencies_hz, 1):
        force = random.normal(size=m) * swell
        omega = 2 * np.pi * hz
        turned, decay = omega * np.sqrt(1 - damping**2) * dt, np.exp(-damping * omega * dt)
        moved = lfilter([0, decay * np.sin(turned)], [1, -2 * decay * np.cos(turned), decay**2], force)
        acceleration = np.gradient(np.gradient(moved))
        out += 0.002 / k * np.outer(acceleration / acceleration.std(), np.sin(k * np.pi * x))
    return out + random.normal(size=out.shape) * noise_g
