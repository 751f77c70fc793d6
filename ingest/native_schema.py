"""What a native payload may look like: the keys of a reading, of a strain block, of a status."""

from __future__ import annotations

import math
from typing import Annotated, Any, Final

import msgspec

from devices.quantities import QUANTITIES

PREFIX: Final = "jingqiao/v1/"
MAX_PAYLOAD_BYTES: Final = 256 * 1024
MAX_AHEAD_US: Final = 5 * 60 * 1_000_000
"""A reading from further in the future than this is a clock fault."""

EARLIEST_US: Final = 946_684_800_000_000
"""2000-01-01: a reading from before is from a clock that was never set, or in seconds."""

LATEST_US: Final = 253_402_300_799_999_999
"""The end of year 9999, the last that RFC 3339 can write."""

MAX_SEQ: Final = 2**63 - 1

UNSET_T: Final[Any] = None
"""`t` of a reading that states none; null is not taken, so nobody can send it."""

UNSET_SEQ: Final = -1

Seq: Final[Any] = Annotated[int, msgspec.Meta(ge=0)]
"""A message counter, as it may be sent."""

QUANTITY_KEYS: Final = tuple(name for name, quantity in QUANTITIES.items() if quantity.native)
YES_NO_KEYS: Final = tuple(name for name in QUANTITY_KEYS if QUANTITIES[name].boolean)
NUMBER_KEYS: Final = tuple(name for name in QUANTITY_KEYS if name not in YES_NO_KEYS)
KEYS: Final = ("t", "seq", *NUMBER_KEYS, *YES_NO_KEYS)

Reading: Final[Any] = msgspec.defstruct(
    "Reading",
    [
        ("t", int | str, UNSET_T),
        ("seq", Seq, UNSET_SEQ),
        # A channel that could not be read is often sent as null: that must not cost what the others say.
        *((name, float | None, math.nan) for name in NUMBER_KEYS),
        # NaN stands for "not there": JSON has no such number, and only true, false, null may take its place.
        *((name, bool | None, math.nan) for name in YES_NO_KEYS),
    ],
    gc=False,
)
"""A reading as it is written, `KEYS` in order; what is missing is UNSET_T, UNSET_SEQ, NaN, and a
quantity that is said not to be measured is None."""
