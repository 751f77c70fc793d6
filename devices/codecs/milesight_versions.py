"""How Milesight writes versions: each half-byte is a digit."""

from __future__ import annotations

from devices.versions import version_text

DIGITS = 4
"""Characters of a version that is written as text (NB-IoT head)."""


def firmware(data: bytes) -> str:
    """`01 10` is v1.10."""
    return f"v{data[0]:x}.{data[1]:x}"


def hardware(data: bytes) -> str:
    """`01 10` is v1.1: the second byte's lower half is not shown."""
    return f"v{data[0]:x}.{data[1] >> 4}"


def digits(text: bytes) -> bytes | None:
    """The two bytes that four printed half-bytes stand for, as in `0110`; None where it is something else."""
    plain = version_text(text.decode("ascii"))
    try:
        return bytes.fromhex(plain) if len(plain) == DIGITS else None
    except ValueError:
        return None
