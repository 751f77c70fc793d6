"""The quantities a reading may carry: name, unit, and the range outside of which a value is not believed.

The names are the public ones of the native protocol. The ranges are those of physics and of the
sensors on the market, wide on purpose: they stop nonsense, they are no alarm limits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Quantity:
    """One measured quantity.

    name : str  Column name, with the unit in it.
    unit : str  Unit for people; "" for yes/no.
    low, high : float  Inclusive range of believable values, in the unit.
    boolean : bool  A yes/no quantity, carried as 0.0 / 1.0.
    native : bool  May be sent in a native reading (protocol.md); the rest come from codecs or reduction.
    meaning : str  What it is.
    """

    name: str
    unit: str
    low: float
    high: float
    meaning: str
    boolean: bool = False
    native: bool = True


_ALL = (
    Quantity("tilt_deg", "°", 0.0, 180.0, "Inclination from the vertical of the plane's normal"),
    Quantity("tilt_x_deg", "°", -180.0, 180.0, "Inclination about the x axis"),
    Quantity("tilt_y_deg", "°", -180.0, 180.0, "Inclination about the y axis"),
    Quantity("displacement_mm", "mm", -2000.0, 2000.0, "Lid surface against its frame; positive = sunk"),
    Quantity("vibration_g", "g", 0.0, 400.0, "Peak acceleration since the last report"),
    Quantity("acceleration_rms_g", "g", 0.0, 10.0, "Root mean square acceleration since the last report"),
    Quantity("water_mm", "mm", -1000.0, 50000.0, "Water level above the sensor's zero"),
    Quantity("temperature_c", "°C", -60.0, 150.0, "Temperature at the sensor"),
    Quantity("battery_v", "V", 0.0, 60.0, "Battery voltage"),
    Quantity("battery_pct", "%", 0.0, 100.0, "Battery charge left, as the device states it"),
    Quantity("rssi_dbm", "dBm", -200.0, 20.0, "Received signal strength"),
    Quantity("strain_ue", "µε", -20000.0, 20000.0, "Strain, tension positive; a block's median"),
    Quantity("open", "", 0.0, 1.0, "Contact or magnet says that the lid is off its seat", boolean=True),
    # Not of the native protocol's list, from here on.
    Quantity("distance_mm", "mm", 0.0, 50000.0, "Distance from the sensor to what is below it", native=False),
    Quantity("tilt_alarm", "", 0.0, 1.0, "The device's own tilt threshold is crossed", True, False),
    Quantity("water_alarm", "", 0.0, 1.0, "The device's own water threshold is crossed", True, False),
    Quantity("battery_alarm", "", 0.0, 1.0, "The device says that its battery is weak", True, False),
    Quantity("snr_db", "dB", -50.0, 50.0, "Signal to noise ratio", native=False),
    Quantity("strain_min_ue", "µε", -20000.0, 20000.0, "A block's least strain", native=False),
    Quantity("strain_max_ue", "µε", -20000.0, 20000.0, "A block's greatest strain", native=False),
    Quantity("strain_std_ue", "µε", 0.0, 20000.0, "Standard deviation of a block's strain", native=False),
    Quantity("strain_n", "", 1.0, 1e7, "Number of samples in a block", native=False),
    Quantity("acceleration_g", "g", -400.0, 400.0, "A sample of acceleration, sent in blocks", native=False),
)

QUANTITIES: Mapping[str, Quantity] = MappingProxyType({quantity.name: quantity for quantity in _ALL})
"""Every quantity a frame may have as a column, by name."""
