"""What a device says of itself: the versions that it runs, and its serial number. No reading; a fact."""

from __future__ import annotations

from typing import Final, NamedTuple

LONGEST: Final = 64
"""Characters of a version that are believed; more is no version."""


class Versions(NamedTuple):
    """Empty where the device did not say."""

    firmware: str = ""
    hardware: str = ""
    serial_number: str = ""


NAMES: Final = frozenset(Versions._fields)
"""What programs that name their values call them."""


def version_text(value: object) -> str:
    """A version as it is kept; "" for what is none: no text, empty, too long, not printable."""
    if not isinstance(value, str):
        return ""
    text = value.strip(" \0")
    return text if len(text) <= LONGEST and text.isprintable() else ""
