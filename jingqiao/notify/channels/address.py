"""A channel's URL taken apart: keys keep their case, everything is unquoted, nothing is printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True, slots=True)
class Address:
    """The parts of `scheme://user:password@host/path?query`."""

    scheme: str
    user: str = field(repr=False)
    password: str = field(repr=False)
    host: str = field(repr=False)
    path: tuple[str, ...] = field(repr=False)
    query: Mapping[str, str] = field(repr=False)

    def part(self, position: int) -> str:
        """One part of the path; "" where it has fewer."""
        return self.path[position] if position < len(self.path) else ""


def parse(url: str) -> Address:
    """The parts of a channel's URL."""
    parts = urlsplit(url)
    credentials, _, host = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    return Address(
        scheme=parts.scheme.lower(),
        user=unquote(user),
        password=unquote(password),
        host=unquote(host),
        path=tuple(unquote(part) for part in parts.path.split("/") if part),
        query=dict(parse_qsl(parts.query)),
    )


def require(scheme: str, **values: object) -> None:
    """Raises ValueError naming what a channel's URL lacks, and nothing of what it holds."""
    missing = [name for name, value in values.items() if not value]
    if missing:
        raise ValueError(f"{scheme}:// lacks {', '.join(missing)}")
