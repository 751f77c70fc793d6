"""Texts that a spreadsheet must not take for formulas: marked on the way out, unmarked on the way in.

A text that begins with = + - @ (or a tab, a carriage return) gets an apostrophe before it, as people write it
in a sheet themselves. One that begins with apostrophes before such a sign gets one more, so that what comes
back is what went out.
"""

from __future__ import annotations

import re
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

_FORMULA: Final = re.compile(r"'*[=+\-@\t\r]")
_MARKED: Final = r"^'('*[=+\-@\t\r])"


def harmless(cell: Any) -> Any:
    """A cell that no sheet takes for a formula; numbers and harmless texts stay as they are."""
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell


def unmarked(column: pa.Array) -> pa.Array:
    """string[n]  Texts without the mark of `harmless`."""
    if not pc.any(pc.starts_with(column, "'")).as_py():
        return column
    return pc.replace_substring_regex(column, _MARKED, r"\1")
