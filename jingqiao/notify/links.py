"""Signed links that answer an incident with one touch, without a login. Pure, but for where the key is kept.

A link names incident, person and asking (`episode`) and ends after a while. It is good for one answer: once
the asking it belongs to was answered, by whomever, it only shows the incident.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config.roster import Roster

LIFETIME_US: Final = 3 * 24 * 3600 * 1_000_000
"""How long a link answers [µs]."""
_MAC_BYTES: Final = 16


class BadLinkError(ValueError):
    """The link is not one of ours, was changed, or its time is over."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a link says. until : int  [µs since 1970 UTC]"""

    incident_id: int
    episode: int
    until: int
    person: str


def sign(key: bytes, ticket: Ticket) -> str:
    """The link's token: letters, digits, `-` and `_` only."""
    content = f"{ticket.incident_id}.{ticket.episode}.{ticket.until // 1_000_000}.{ticket.person}".encode()
    return _text(_mac(key, content) + content)


def verify(key: bytes, token: str, now: int) -> Ticket:
    """The ticket behind a token. Raises BadLinkError."""
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        mac, content = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not hmac.compare_digest(mac, _mac(key, content)) or _text(raw) != token:
            raise BadLinkError("not one of ours")
        incident_id, episode, until_s, person = content.decode().split(".", 3)
        ticket = Ticket(int(incident_id), int(episode), int(until_s) * 1_000_000, person)
    except (ValueError, binascii.Error):
        raise BadLinkError("not one of ours") from None
    if now >= ticket.until:
        raise BadLinkError("its time is over")
    return ticket


def kept_key(path: Path) -> bytes:
    """The signing key in a file that only the service reads; made when it is not there."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        made = path.with_suffix(".new")
        made.touch(mode=0o600)
        made.write_bytes(secrets.token_bytes(32))
        made.replace(path)
    return path.read_bytes()


class AnswerLinks:
    """Makes the links that messages carry; none while the roster names no `answer_url`."""

    def __init__(self, roster: Callable[[], Roster], key: bytes, now: Callable[[], int]) -> None:
        self._roster = roster
        self._key = key
        self._now = now

    def __call__(self, incident_id: int, person: str, episode: int) -> str | None:
        """The link for one person, or None."""
        base = self._roster().answer_url
        if base is None:
            return None
        ticket = Ticket(incident_id, episode, self._now() + LIFETIME_US, person)
        return f"{base.rstrip('/')}/a/{sign(self._key, ticket)}"


def _mac(key: bytes, content: bytes) -> bytes:
    return hmac.digest(key, content, hashlib.sha256)[:_MAC_BYTES]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
