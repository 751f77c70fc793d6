"""One spelling for a phone number."""

from __future__ import annotations


def plain_phone(number: str) -> str:
    """`+8613800000000`, `008613…`, `8613…` and `138 0000 0000` are all 13800000000."""
    digits = "".join(sign for sign in number if sign.isdigit())
    for prefix in ("0086", "86"):
        if digits.startswith(prefix) and len(digits) - len(prefix) >= 11:
            return digits.removeprefix(prefix)
    return digits
