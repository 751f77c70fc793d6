"""How commands speak: JSON for programs, tables for people, faults with their place, exit codes."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn, cast

import click
from rich.console import Console
from rich.table import Table

from config.faults import FaultsError
from config.messages import Language

CHECK_FAILED: Final = 1
WRONG_USE: Final = 2


def language() -> Language:
    """The language of what commands print: JINGQIAO_LANGUAGE, else Chinese."""
    chosen = os.environ.get("JINGQIAO_LANGUAGE", "zh")
    if chosen not in ("zh", "en"):
        raise click.UsageError(f"JINGQIAO_LANGUAGE is {chosen!r}; it can be zh or en")
    return cast(Language, chosen)


def print_json(value: object) -> None:
    """One JSON document on standard output, Chinese as it is."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table on standard output; an empty one still shows its head."""
    table = Table()
    for column in columns:
        table.add_column(column, overflow="fold")  # a remedy cut short is none
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    Console().print(table)


def fail_with(error: FaultsError) -> NoReturn:
    """Print every fault, a line each, on standard error and exit with `CHECK_FAILED`."""
    for fault in error.faults:
        click.echo(str(fault), err=True)
    raise SystemExit(CHECK_FAILED)


def fault_rows(error: FaultsError) -> list[Mapping[str, Any]]:
    """The faults as JSON-ready rows."""
    return [
        {"file": f.file, "line": f.line, "field": f.field, "problem": f.problem, "remedy": f.remedy}
        for f in error.faults
    ]
