"""An XLSX sheet as string columns: the first sheet, read cell by cell as a person sees it."""

from __future__ import annotations

import datetime
import io
import zipfile
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import openpyxl
import pyarrow as pa
from openpyxl.utils.exceptions import InvalidFileException

from config.faults import FaultsError
from devices.table_file import FaultList

_DIGITS: Final = 15
"""A spreadsheet keeps so many digits of a number; the rest become zeros."""


def read_sheet(
    data: bytes, faults: FaultList
) -> tuple[list[str], list[pa.Array], Callable[[], npt.NDArray[np.int64]]]:
    """Names, string columns and the row number (from 1) of each row, of the workbook's first sheet."""
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        faults.add_at("no_sheet", None, error=error)
        raise FaultsError(faults.listed()) from None
    try:
        sheet = book.worksheets[0]
        # Some programs store a wrong size of the sheet; without one, rows are read until they end.
        sheet.reset_dimensions()
        names: list[str] = []
        columns: list[list[str]] = []
        lines: list[int] = []
        for line, row in enumerate(sheet.iter_rows(values_only=True), 1):
            if all(value is None for value in row):
                continue
            if not names:
                names = [str(value).strip().lower() if value is not None else "" for value in row]
                while names and not names[-1]:
                    names.pop()
                columns = [[] for _ in names]
                continue
            lines.append(line)
            for i, column in enumerate(columns):
                column.append(_cell(row[i] if i < len(row) else None, names[i], line, faults))
            if any(value is not None for value in row[len(names) :]):
                faults.add_at("too_many_cells", line, cells=len(row), columns=len(names))
    finally:
        book.close()
    if not names:
        faults.add_at("empty_file", None)
        raise FaultsError(faults.listed())
    numbers = np.array(lines, np.int64)
    return names, [pa.array(column, pa.string()) for column in columns], lambda: numbers


def _cell(value: Any, name: str, line: int, faults: FaultList) -> str:  # noqa: PLR0911 - a case a type
    if value is None:
        return ""
    if isinstance(value, str):
        if value.startswith("#") and value.rstrip("!?").isupper():
            faults.add_at("error_cell", line, name, value=value)
            return ""
        return value
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int | float):
        if name in ("asset_id", "sensor_id") and abs(value) >= 10**_DIGITS:
            faults.add_at("number_as_id", line, name, value=f"{value:.0f}")
            return ""
        return str(int(value)) if float(value).is_integer() else repr(value)
    if isinstance(value, datetime.datetime):
        midnight = value.time() == datetime.time()
        return value.date().isoformat() if midnight else value.isoformat(" ", "seconds")
    return str(value)
