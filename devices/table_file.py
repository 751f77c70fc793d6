"""A CSV file as string columns that know their line: whatever a spreadsheet program made of it is named."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from config.faults import Fault, FaultsError
from config.messages import Language, text
from devices.sheet_text import unmarked

FAULTS_KEPT: Final = 10_000
"""So many faults of a file are listed one by one; the rest are counted."""

Lines = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(slots=True)
class FaultList:
    """The faults of one file, in the language of whoever mends it.

    file : str  Path as the user named it.
    language : Language  Language of problem and remedy.
    lines : () → int64[n]  Line, counted from 1, on which each row begins; asked only when there is a fault.
    """

    file: str
    language: Language = "zh"
    lines: Callable[[], Lines] | None = None
    faults: list[Fault] = field(default_factory=list)
    more: int = 0

    def add(self, key: str, row: int | None = None, column: str = "", **values: object) -> None:
        """One fault at a row (counted from 0), or of the file; `key` names its sentences."""
        line = None if row is None or self.lines is None else int(self.lines()[row])
        self.add_at(key, line, column, **values)

    def add_at(self, key: str, line: int | None, column: str = "", **values: object) -> None:
        """One fault at a line."""
        if len(self.faults) >= FAULTS_KEPT:
            self.more += 1
            return
        problem = text(f"import_csv.{key}.problem", self.language, **values)
        remedy = text(f"import_csv.{key}.remedy", self.language, **values)
        self.faults.append(Fault(self.file, line, column, problem, remedy))

    def listed(self) -> list[Fault]:
        """All faults by line, closed by the number of those that are not listed."""
        ordered = sorted(self.faults, key=lambda fault: (fault.line or 0, fault.field))
        if self.more:
            problem = text("import_csv.more.problem", self.language, count=self.more)
            ordered.append(Fault(self.file, None, "", problem, text("import_csv.more.remedy", self.language)))
        return ordered

    def __bool__(self) -> bool:
        return bool(self.faults)


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table of text cells without surrounding blanks; "" = empty. Wholly empty rows are left out.

    columns : name → pyarrow string array[n]
    faults : FaultList  Where the readers of its cells put what they find.
    """

    columns: Mapping[str, pa.Array]
    faults: FaultList
    rows: int

    def column(self, name: str) -> pa.Array:
        """The column, or empty cells where the file has none of that name."""
        if name in self.columns:
            return self.columns[name]
        return pa.array(np.full(self.rows, "", object), pa.string())


def read_table(
    path: Path,
    known: Sequence[str],
    required: Sequence[str],
    language: Language = "zh",
    *,
    may_be_empty: bool = False,
) -> TextTable:
    """The file's table; a fault in its form (encoding, delimiter, head, number of cells) raises FaultsError.

    known : column names that may occur. required : those that must. may_be_empty : a head without rows is
    a table of none, and no fault.
    """
    faults = FaultList(str(path), language)
    data = _bytes_of(path, faults)
    if path.suffix.lower() in (".xlsx", ".xlsm"):
        from devices.sheet_file import read_sheet  # noqa: PLC0415 - openpyxl only where a sheet is read

        names, columns, lines = read_sheet(data, faults)
    else:
        names, columns, lines = _read_csv(data, known, faults)
    _check_head(names, known, required, faults)
    if faults:
        raise FaultsError(faults.listed())
    table = dict(zip(names, (unmarked(pc.utf8_trim_whitespace(column)) for column in columns), strict=True))
    rows = len(columns[0]) if columns else 0
    filled = np.zeros(rows, bool)
    for column in table.values():
        filled |= pc.not_equal(column, "").to_numpy(zero_copy_only=False)
    if not filled.any() and not may_be_empty:
        faults.add_at("no_rows", None)
        raise FaultsError(faults.listed())
    if not filled.all():
        kept = np.flatnonzero(filled)
        table = {name: column.take(pa.array(kept)) for name, column in table.items()}
        faults.lines = _once(lambda: lines()[kept])
        rows = len(kept)
    else:
        faults.lines = lines
    return TextTable(table, faults, rows)


def _bytes_of(path: Path, faults: FaultList) -> bytes:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        faults.add_at("not_found", None)
    except OSError as error:
        faults.add_at("unreadable", None, error=error.strerror)
    else:
        if data.strip() not in (b"", b"\xef\xbb\xbf"):
            return data
        faults.add_at("empty_file", None)
    raise FaultsError(faults.listed())


def _read_csv(
    data: bytes, known: Sequence[str], faults: FaultList
) -> tuple[list[str], list[pa.Array], Callable[[], Lines]]:
    names = _head(data, known, faults)
    _check_quotes(data, faults)
    convert = arrow_csv.ConvertOptions(
        column_types={name: pa.string() for name in names}, strings_can_be_null=False, check_utf8=True
    )
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(data),
            read_options=arrow_csv.ReadOptions(column_names=names, skip_rows=0, block_size=1 << 24),
            parse_options=arrow_csv.ParseOptions(newlines_in_values=b'"' in data),
            convert_options=convert,
        )
    except pa.ArrowException as error:
        _diagnose(data, len(names), str(error), faults)
        raise FaultsError(faults.listed()) from None
    # The head is read as the first row: Arrow would count it differently when it has a quoted line break.
    columns = [table.column(i).slice(1).combine_chunks() for i in range(len(names))]
    columns = [c if isinstance(c, pa.Array) else pa.concat_arrays(c.chunks) for c in columns]
    return names, columns, _once(lambda: _csv_lines(data))


def _head(data: bytes, known: Sequence[str], faults: FaultList) -> list[str]:
    """Names of the head line, or FaultsError for what is no comma-separated UTF-8 at all."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        faults.add_at("utf16", None)
        raise FaultsError(faults.listed())
    if data[:4] == b"PK\x03\x04":
        faults.add_at("is_sheet", None)
        raise FaultsError(faults.listed())
    try:
        first = next((record for _, record in _records(data) if record), None)
    except (UnicodeDecodeError, csv.Error) as error:
        _diagnose(data, 0, str(error), faults)
        raise FaultsError(faults.listed()) from None
    if first is None:  # a byte order mark that breaks off, and nothing behind it
        faults.add_at("empty_file", None)
        raise FaultsError(faults.listed())
    names = [name.strip().lower() for name in first]
    if len(names) == 1:
        for delimiter, name in ((";", "semicolon"), ("\t", "tab"), ("，", "wide_comma"), ("|", "bar")):
            if any(part.strip() in known for part in names[0].split(delimiter)) and delimiter in names[0]:
                word = text(f"import_csv.delimiter.{name}", faults.language)
                faults.add_at("wrong_delimiter", 1, delimiter=word)
                raise FaultsError(faults.listed())
    return names


def _check_quotes(data: bytes, faults: FaultList) -> None:
    """A quote that is never closed swallows the rest of the file: refuse it before it is read."""
    if data.count(b'"') % 2 == 0:
        return
    line = 1
    try:
        for line, _ in _records(data, strict=True):  # noqa: B007 - the line before the fault is wanted
            pass
    except csv.Error:
        faults.add_at("open_quote", line + 1)
        raise FaultsError(faults.listed()) from None
    except UnicodeDecodeError:
        return  # told by whoever reads the text


def _check_head(
    names: Sequence[str], known: Sequence[str], required: Sequence[str], faults: FaultList
) -> None:
    for i, name in enumerate(names):
        if name in names[:i]:
            faults.add_at("column_twice", 1, name)
        elif name not in known:
            close = difflib.get_close_matches(name, [k for k in known if k not in names], 1)
            if not name:
                faults.add_at("column_unnamed", 1, position=i + 1)
            elif close:
                faults.add_at("column_misspelt", 1, name, name=name, close=close[0])
            else:
                faults.add_at("column_unknown", 1, name, name=name, known=", ".join(known))
    for name in required:
        if name not in names:
            faults.add_at("column_missing", 1, name, name=name)


def _diagnose(data: bytes, width: int, error: str, faults: FaultList) -> None:
    """Say why a CSV could not be read: its encoding, or the rows with too many or too few cells."""
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        faults.add_at("gbk" if _is_gb18030(data) else "no_utf8", line, byte=fault.start)
        return
    try:
        for line, record in _records(data):
            if record and len(record) != width:
                key = "too_few_cells" if len(record) < width else "too_many_cells"
                faults.add_at(key, line, cells=len(record), columns=width)
    except csv.Error as fault_of_csv:
        error = str(fault_of_csv)
    if not faults:
        faults.add_at("no_csv", None, error=error)


def _is_gb18030(data: bytes) -> bool:
    try:
        data.decode("gb18030")
    except UnicodeDecodeError:
        return False
    return True


def _records(data: bytes, *, strict: bool = False) -> Iterator[tuple[int, list[str]]]:
    """Each record with the line on which it begins, counted from 1; empty lines are empty records."""
    stream = io.TextIOWrapper(io.BytesIO(data), "utf-8-sig", newline="")
    limit = csv.field_size_limit(max(len(data), 1))  # a long cell is a fault to name, not one to break on
    try:
        reader = csv.reader(stream, strict=strict)
        line = 1
        for record in reader:
            yield line, record
            line = reader.line_num + 1
    finally:
        csv.field_size_limit(limit)


def _csv_lines(data: bytes) -> Lines:
    """int64[n]  Line of each row below the head; empty lines are no rows, as for Arrow."""
    return np.array([line for line, record in _records(data) if record][1:], np.int64)


def _once(compute: Callable[[], Lines]) -> Callable[[], Lines]:
    known: list[Any] = []

    def lines() -> Lines:
        if not known:
            known.append(compute())
        result: Lines = known[0]
        return result

    return lines
