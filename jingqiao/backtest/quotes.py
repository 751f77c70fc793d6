"""Quotations of a CSV: one that is never closed must not swallow the rows after it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO
from typing import Final

CELL_LINES: Final = 20
"""A cell with line breaks, a note perhaps, has no more lines than this."""
OUT_OF_THE_WAY: Final = b"?"
"""Stands for a line whose quotation stays open: it has too few cells, and is named for that."""


def closed(data: bytes, cells: int, comma: str) -> tuple[bytes, bool]:
    """The text with open quotations put out of the way, and whether some cell holds a line break.

    cells : int  How many the head has.
    """
    lines = data.split(b"\n")
    breaks, row = False, 0
    while row < len(lines):
        end = row + 1 if lines[row].count(b'"') % 2 == 0 else _closes(lines, row, cells, comma)
        if end is None:
            lines[row] = OUT_OF_THE_WAY
        breaks |= end is not None and end > row + 1
        row = row + 1 if end is None else end
    return b"\n".join(lines), breaks


def _closes(lines: Sequence[bytes], row: int, cells: int, comma: str) -> int | None:
    """Row after the one that closes a quotation begun in `row`; together they have the cells of the head."""
    for end in range(row + 2, min(row + CELL_LINES, len(lines)) + 1):
        whole = b"\n".join(lines[row:end])
        if whole.count(b'"') % 2 == 0:
            read = list(csv.reader(StringIO(whole.decode("utf-8", "replace"), newline=""), delimiter=comma))
            return end if len(read) == 1 and len(read[0]) == cells else None
    return None
