"""Passwords: argon2id hashes, and what makes a password acceptable."""

from __future__ import annotations

from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_CHARACTERS: Final = 10
"""NIST SP 800-63B asks for length, not for kinds of characters."""
MAX_CHARACTERS: Final = 256

_hasher: Final = PasswordHasher()


class WeakPasswordError(ValueError):
    """The password is too short, too long, or the account's own name."""


def hashed(password: str, name: str) -> str:
    """The hash to keep. Raises WeakPasswordError."""
    if not MIN_CHARACTERS <= len(password) <= MAX_CHARACTERS:
        raise WeakPasswordError(f"{MIN_CHARACTERS} to {MAX_CHARACTERS} characters")
    if password.casefold() == name.casefold() or len(set(password)) < 4:
        raise WeakPasswordError("too easy to guess")
    return _hasher.hash(password)


def fits(password_hash: str | None, password: str) -> bool:
    """Whether it is the password. Without a hash it takes as long: nobody learns which names exist."""
    try:
        _hasher.verify(password_hash or _nobody(), password[: MAX_CHARACTERS + 1])
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def outdated(password_hash: str) -> bool:
    """Whether a hash was made by weaker settings than today's."""
    return _hasher.check_needs_rehash(password_hash)


@cache
def _nobody() -> str:
    return _hasher.hash("nobody's password")
