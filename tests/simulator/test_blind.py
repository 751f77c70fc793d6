"""What a sensor that stands still in all its channels cannot show is marked so in the truth."""

from __future__ import annotations

import pytest

from simulator.offline import play, registry_of
from simulator.scenario import Event, Scenario

DAY = 86_400.0


@pytest.mark.parametrize(
    ("channels", "stuck_days", "blind"),
    [
        ("tilt+vibration", 9.0, True),
        ("tilt+displacement+vibration", 9.0, True),
        ("tilt+vibration+open", 9.0, False),  # the contact goes on
        ("tilt+vibration", 2.2, False),  # it comes back within the day
    ],
)
def test_a_theft_that_no_channel_could_show_is_not_required(
    channels: str, stuck_days: float, blind: bool
) -> None:
    registry = registry_of(
        [{"asset_id": "A", "kind": "cover", "load_class": "D400"}],
        [{"sensor_id": "a", "asset_id": "A", "role": "lid", "location": channels, "heartbeat_s": "21600"}],
    )
    scene = Scenario.model_validate(
        {
            "name": "blind",
            "start": "2026-03-01T00:00:00+08:00",
            "days": 12,
            "event": (
                Event(at=2 * DAY, kind="sensor_stuck", sensor="a", days=stuck_days),
                Event(at=4 * DAY, kind="theft", asset="A", mode="lift"),
            ),
        }
    )
    (theft,) = (event for event in play(registry, scene, 3).truth if event.hazard == "missing")
    assert theft.required is not blind
    assert theft.params.get("blind") == ("sensor_stuck" if blind else None)
