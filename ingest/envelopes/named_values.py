"""Values that a platform states by name: which are our quantities, and whether they are of the right type."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from devices.quantities import QUANTITIES
from devices.versions import NAMES, Versions, version_text

YES_NO: Final = frozenset(name for name, quantity in QUANTITIES.items() if quantity.boolean)


class WrongTypeError(ValueError):
    """A value that is no number, or no yes/no; the message is one line for a technician."""


def number(name: str, value: object) -> float:
    """A stated value as a number; yes/no is 1 or 0. Raises WrongTypeError."""
    if isinstance(value, bool):
        if name in YES_NO:
            return float(value)
        raise WrongTypeError(f"{name} must be a number, found {str(value).lower()}")
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        raise WrongTypeError(
            f"{name} must be a {'yes/no' if name in YES_NO else 'number'}, found {value!r:.60}"
        )
    if name in YES_NO and value not in (0, 1):
        raise WrongTypeError(f"{name} must be true, false, 1 or 0, found {value!r}")
    return float(value)


def versions(pairs: Iterable[tuple[str, object]]) -> Versions | None:
    """What a device says of itself among named values; None where it says nothing."""
    said = {name: text for name, value in pairs if name in NAMES and (text := version_text(value))}
    return Versions(**said) if said else None


def quantities(pairs: Iterable[tuple[str, object]]) -> tuple[dict[str, float], int]:
    """Our quantities among named values, and how many names nobody knows. Raises WrongTypeError.

    A version is known, and no quantity; what is no text under its name is passed over like a name unknown.
    """
    values: dict[str, float] = {}
    unknown = 0
    for name, value in pairs:
        if name in QUANTITIES:
            values[name] = number(name, value)
        elif not (name in NAMES and version_text(value)):
            unknown += 1
    return values, unknown
