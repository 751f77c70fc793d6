"""The way from sensor to broker: loss, delay, gateways that are down, and what was kept meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simulator.scenario import Radio
from simulator.stage import GatewayOutage

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What becomes of some readings.

    at_s : float64[k]  When the broker has it [s since start]; NaN = lost.
    kept : bool[k]  Sent from the sensor's memory after an outage, many in one message.
    again_s : float64[k]  When a second copy arrives; NaN = none.
    """

    at_s: Float
    kept: Bool
    again_s: Float


def deliver(
    rng: np.random.Generator,
    radio: Radio,
    outages: Sequence[GatewayOutage],
    t_s: Float,
    gateway: Int,
    rssi_dbm: Float,
    remembers: Bool,
) -> Delivery:
    """Send readings measured at `t_s` [s since start].

    rssi_dbm : float64[k]  Usual strength: ten times the loss for 25 dB less, a third less than `loss` at
        -95 dBm, so that a fleet loses about `loss` of all.
    remembers : bool[k]  The device can keep readings while its gateway is down (native ones can, where
        the outage says so; plain LoRaWAN end devices cannot).
    """
    n = len(t_s)
    delay = rng.uniform(0.3, 2.5, n)
    delay += np.where(rng.uniform(size=n) < radio.late, rng.exponential(radio.late_s, n), 0.0)
    loss = np.minimum(radio.loss * 0.76 * 10 ** (-(rssi_dbm + 95) / 25), 0.9)
    at_s = np.where(rng.uniform(size=n) < loss, np.nan, t_s + delay)
    kept = np.zeros(n, np.bool_)
    for outage in outages:
        down = (gateway == outage.gateway) & (t_s >= outage.start_s) & (t_s < outage.end_s)
        keeps = down & remembers & outage.backfill
        # every sensor empties its memory at a time of its own: the gateway hears them one by one
        pause = 5.0 + (gateway * 131 + np.arange(n)) % 895
        at_s = np.where(down, np.where(keeps, outage.end_s + pause, np.nan), at_s)
        kept |= keeps
    twice = (rng.uniform(size=n) < radio.duplicate) & ~np.isnan(at_s) & ~kept
    again_s = np.where(twice, at_s + rng.exponential(3.0, n), np.nan)
    return Delivery(np.asarray(at_s, np.float64), kept, np.asarray(again_s, np.float64))
