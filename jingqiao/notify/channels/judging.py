"""What a provider's answer means for the message: the code in the body decides, not the HTTP state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from jingqiao.notify.channels.http import Reply
from jingqiao.notify.sender import Outcome, Result

_SENT: Final = Outcome(Result.SENT)


def judged(
    reply: Reply | Outcome,
    *,
    code_of: Callable[[Mapping[str, Any]], object],
    message_of: Callable[[Mapping[str, Any]], object],
    temporary: Mapping[str, float | None],
) -> Outcome:
    """What a reply with an error code in its body means: "0" is yes, everything else is no.

    temporary : code → seconds to wait (None = our own backoff). Every other code sends to the next channel.
    """
    if isinstance(reply, Outcome):
        return reply
    code = code_of(reply.document)
    if code is None:
        return Outcome(
            Result.FAILED_PERMANENT, f"http {reply.status}", "an answer that is not the provider's"
        )
    word = str(code)
    detail = str(message_of(reply.document) or "")[:200]
    if word == "0":
        return _SENT if not detail else Outcome(Result.SENT, word, detail)
    if word in temporary:
        return Outcome(Result.FAILED_TEMPORARY, word, detail, retry_after_s=temporary[word])
    return Outcome(Result.FAILED_PERMANENT, word, detail)


def in_parts(parts: Sequence[str], send: Callable[[str], Outcome]) -> Outcome:
    """Send parts one after the other. The first decides: it says what, where and how bad, and repeating it
    because a later part was lost would be a second warning."""
    first = send(parts[0])
    if first.result is not Result.SENT:
        return first
    for number, part in enumerate(parts[1:], 2):
        following = send(part)
        if following.result is not Result.SENT:
            lost = f"part {number} of {len(parts)} was lost: {following.provider_code}"
            return Outcome(Result.SENT, first.provider_code, lost, first.provider_id)
    return first
