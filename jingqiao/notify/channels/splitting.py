"""Cutting a text into parts that fit a provider's limit in UTF-8 bytes, never through a character."""

from __future__ import annotations


def utf8_parts(text: str, limit: int) -> list[str]:
    """The text in parts of at most `limit` bytes of UTF-8 each; joined they are the text again.

    A line end near the limit is preferred to a cut in a line. limit : at least 4 [bytes].
    """
    parts: list[str] = []
    rest = text
    while len(rest.encode()) > limit:
        head = _fitting(rest, limit)
        line_end = head.rfind("\n") + 1
        if line_end > len(head) // 2:
            head = head[:line_end]
        parts.append(head)
        rest = rest[len(head) :]
    if rest or not parts:
        parts.append(rest)
    return parts


def _fitting(text: str, limit: int) -> str:
    """The longest beginning that fits; a cut through a character loses that character to the next part."""
    return text.encode()[:limit].decode(errors="ignore")
