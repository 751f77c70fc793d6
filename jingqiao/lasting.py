"""What exists for as long as the process does, and need not be looked at for garbage."""

from __future__ import annotations

import gc


def keep_for_life() -> None:
    """Leave all that exists now (modules, registry, engine) out of the garbage collector's rounds.

    Every message makes a few objects, so a backlog makes the collector go through everything again and
    again: a fifth of the processor's time of the thread that hears the broker. Called once, when all is
    built and nothing was heard yet.
    """
    gc.collect()
    gc.freeze()
