"""What an answer by SMS means: `1` acknowledges, `1 57` acknowledges incident 57. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

_YES: Final = frozenset({"1", "收到", "接警", "已接警", "接", "ok", "yes", "y"})
_ALL: Final = frozenset({"全部", "全", "all"})


@dataclass(frozen=True, slots=True)
class Answer:
    """An acknowledgement.

    incident_ids : those that it names; () = the one that the person was asked about.
    everything : bool  It means all that the person was asked about.
    """

    incident_ids: tuple[int, ...] = ()
    everything: bool = False


def understood(words: str) -> Answer | None:
    """The meaning of somebody's words; None where they are no acknowledgement (`2`, `退订`, a question).

    Full-width figures, signs between the figures and a `#` before them are all right. A number alone is an
    incident's, unless it is 1.
    """
    plain = unicodedata.normalize("NFKC", words).casefold()
    tokens = re.findall(r"\d+|[^\W\d_]+", plain)
    if not tokens:
        return None
    yes = tokens[0] in _YES
    rest = tokens[1:] if yes else tokens
    if yes and rest and all(token in _ALL for token in rest):
        return Answer(everything=True)
    if not all(token.isdecimal() and len(token) < 19 for token in rest):
        return None
    numbers = tuple(dict.fromkeys(int(token) for token in rest))
    return Answer(numbers) if yes or numbers else None
