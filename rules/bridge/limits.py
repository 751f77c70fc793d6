"""The rule sets' limits as arrays over channels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from config.bridge_rules import BridgeRules
from rules.alarm import Severity
from rules.bridge.cells import BLOCK_US
from rules.bridge.channels import Channels
from rules.bridge.gate import GateLimits
from rules.bridge.levels import StrainLimits
from rules.bridge.slow import SlowLimits
from rules.bridge.usual import FastLimits

Float = npt.NDArray[np.float64]
BLOCK_S = BLOCK_US / 1e6


class Limits:
    """Limits of all tests by channel.

    sets, class_of : see `rules.detector.HasThresholds`; class_of is indexed by sensor.
    """

    def __init__(
        self, channels: Channels, sets: Sequence[BridgeRules], class_of: npt.NDArray[np.uint16]
    ) -> None:
        which = class_of[channels.sensor]

        def of(get: Callable[[BridgeRules], float | None]) -> Float:
            table = np.array([np.nan if (v := get(s)) is None else v for s in sets], np.float64)
            column: Float = table[which]
            return column

        self.gate = GateLimits(
            *(
                of(lambda s, name=name: float(getattr(s.fault, name)))  # type: ignore[misc]
                for name in GateLimits.__slots__
            )
        )
        self.strain = StrainLimits(
            low_ue=channels.strain_min_ue,
            high_ue=channels.strain_max_ue,
            grade_1=of(lambda s: float(Severity[s.level.strain_1.upper()])),
            grade_2=of(lambda s: float(Severity[s.level.strain_2.upper()])),
            reference_days=of(lambda s: s.level.reference_days),
            margin=of(lambda s: s.level.history_margin),
            margin_ue=of(lambda s: s.level.history_margin_ue),
            season_ue=of(lambda s: s.level.season_ue),
            design_live_ue=np.where(
                np.isfinite(channels.design_live_ue),
                channels.design_live_ue,
                of(lambda s: s.overload.design_live_ue),
            ),
            overload_1=of(lambda s: s.overload.level_1),
            overload_2=of(lambda s: s.overload.level_2),
            overload_reference_days=of(lambda s: s.overload.reference_days),
            overload_least_ue=of(lambda s: s.overload.least_ue),
        )
        self.fast = FastLimits(
            limit_ue=of(lambda s: s.fast.limit_ue),
            cap_ue=of(lambda s: s.fast.cap_ue),
            sigma=of(lambda s: s.fast.sigma),
            hold=of(lambda s: s.fast.hold_s / BLOCK_S),
            smooth_hold=of(lambda s: s.fast.smooth_hold_s / BLOCK_S),
        )
        self.slow = SlowLimits(
            *(
                of(lambda s, name=name: float(getattr(s.slow, name)))  # type: ignore[misc]
                for name in SlowLimits.__slots__
            )
        )
        self.fast_red_ue = of(lambda s: s.fast.red_ue)
        self.slow_red_ue = of(lambda s: s.slow.red_ue)
        self.temperature_lost_s = of(lambda s: s.fault.temperature_lost_s)
