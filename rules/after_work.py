"""What is to be believed when announced work ends and the last word was "open".

Crews close lids before their permit ends, and the sensor says so, once. Where the radio lost that word, the
last one is "open". Two things tell such a lid from one that was left open: a sensor that had repeated "open"
and stopped, and one whose next word is nearer than its last. Both are told in yellow (ask the crew) until
that word comes, or until it should have come.
"""

from __future__ import annotations

from typing import Final

from rules.alarm import Hazard, Severity

ASK_THE_CREW: Final = Severity.YELLOW
"""How grave it is meanwhile."""

DOUBTED: Final = frozenset({Hazard.MISSING, Hazard.TILTED})
"""What a crew does to a lid and undoes before it leaves."""

REASON: Final = 0xFF
"""Row that no detector's reasons have: `REASON_KEY` says it."""
REASON_KEY: Final = "rules_lid.after_work"

SECOND: Final = 1_000_000
STOPPED: Final = 1.25
STOPPED_LEAST_US: Final = 60 * SECOND
"""It has stopped repeating after so many of its latest gaps, and a minute for the radio."""
SOON_US: Final = 30 * 60 * SECOND
"""A next word that is due later than this is not waited for."""
LATE: Final = 0.2
LATE_LEAST_US: Final = 60 * SECOND
"""A word is overdue after this share of its beat more, at least a minute."""
LONGEST_US: Final = 30 * 3600 * SECOND
"""The longest wait: of a sensor that says a word a day, one and a quarter."""


def doubted_until(heard: int, repeat: int, beat: int, end: int) -> int:
    """Until when the last word is doubted that was said under work [µs]; 0 = it is believed at once.

    heard : int  Event time of that word [µs].
    repeat : int  Time between it and the one before that said the same under the same work; 0 = none [µs].
    beat : int  Usual time between messages on schedule; 0 = not known [µs].
    end : int  When the work ends by its permit [µs].
    """
    if beat <= 0:
        return 0
    silent = end - heard
    if repeat > 0 and silent >= STOPPED * repeat + STOPPED_LEAST_US:
        return end + min(int((1 + LATE) * beat), LONGEST_US)
    waits = heard + beat - end
    if 0 < waits <= min(silent, SOON_US):
        return end + waits + min(max(int(LATE * beat), LATE_LEAST_US), SOON_US)
    return 0
