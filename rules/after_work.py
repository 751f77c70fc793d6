"""What is to be believed when announced work ends and the last word was "open".

Crews close lids before their permit ends, and the sensor says so, once. Where the radio lost that word, the
last one is "open"; a sensor that only samples has none to lose. What tells such a lid from one that was left
open: the sensor had repeated "open" and stopped; the word was a sample, come when its schedule says; or its
next word is nearer than its last. All are told in yellow (ask the crew) until that word comes, or until it
should have come.
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
BURST_US: Final = 2 * 60 * SECOND
"""Words nearer to one another are the burst that many sensors send when they are moved, and no habit: that
such a sensor sends no more says nothing. Where it has been silent for half an hour and its next beat is a few
hours off, the crew is asked meanwhile: radios lose one "closed again" in fifty."""
STOPPED: Final = 1.25
STOPPED_LEAST_US: Final = 60 * SECOND
"""It has stopped repeating after so many of its latest gaps, and a minute for the radio."""
SOON_US: Final = 30 * 60 * SECOND
"""A next word that is due later than this is not waited for, and it is overdue after no more than this."""
SAMPLER_SOON_US: Final = 6 * 3600 * SECOND
"""The same of a word that was a sample: nothing but the next one can say that the lid is closed again."""
ON_BEAT: Final = 0.9
"""Words so many beats apart are samples; what comes sooner is repeated."""
LATE: Final = 0.2
LATE_LEAST_US: Final = 60 * SECOND
"""A word is overdue after this share of its beat more, at least a minute."""
LONGEST_US: Final = 30 * 3600 * SECOND
"""The longest wait: of a sensor that says a word a day, one and a quarter."""


def doubted_until(heard: int, repeat: int, beat: int, end: int, *, sampled: bool = False) -> int:
    """Until when the last word is doubted that was said under work [µs]; 0 = it is believed at once.

    heard : int  Event time of that word [µs].
    repeat : int  Time between it and the one before that said the same under the same work; 0 = none [µs].
    beat : int  Usual time between messages on schedule; 0 = not known [µs].
    end : int  When the work ends by its permit [µs].
    sampled : bool  That word came when the sensor's schedule says.
    """
    if beat <= 0:
        return 0
    silent = end - heard
    if repeat >= BURST_US and silent >= STOPPED * repeat + STOPPED_LEAST_US:
        return end + min(int((1 + LATE) * beat), LONGEST_US)
    late = min(max(int(LATE * beat), LATE_LEAST_US), SOON_US)
    waits = heard + beat - end
    burst = 0 < repeat < BURST_US
    if burst and silent >= SOON_US and 0 < waits <= SAMPLER_SOON_US:
        return end + waits + late
    samples = sampled and (repeat == 0 or repeat >= ON_BEAT * beat)
    if samples and -late < waits <= SAMPLER_SOON_US:
        return end + max(waits, 0) + late
    if 0 < waits <= min(silent, SOON_US):
        return end + waits + late
    return 0
