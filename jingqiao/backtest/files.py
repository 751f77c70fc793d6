"""A reading file (CSV, Parquet, JSON lines) as an Arrow table, with the line of every row."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv as arrow_csv

from config.faults import Fault, FaultsError
from config.messages import Language, text
from devices.quantities import QUANTITIES
from jingqiao.backtest.quotes import closed

Lines = npt.NDArray[np.int64]
_BLOCK: Final = 1 << 23


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows as they stand in the file.

    lines : () → int64[n]  Line (or row of a Parquet file) of each row, from 1; asked only when one is bad.
    faults : Sequence[Fault]  Rows that could not even be split into cells.
    decimal_comma : bool  Cells are not parted by commas, so that 1,5 is one and a half.
    """

    table: pa.Table
    lines: Callable[[], Lines]
    faults: Sequence[Fault] = field(default_factory=tuple)
    decimal_comma: bool = False


def read_file(path: Path, language: Language = "zh") -> Sheet:
    """The file's rows. Raises FaultsError when it cannot be read at all."""
    try:
        with path.open("rb") as stream:
            head = stream.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
        if not head:
            problem, remedy = (text(f"backtest.{what}.empty", language) for what in ("bad", "remedy"))
            raise FaultsError([Fault(str(path), None, "", problem, remedy)])
        if head[:4] == b"PAR1":
            table = pq.read_table(path)
            return Sheet(_named(table), lambda: np.arange(1, table.num_rows + 1, dtype=np.int64))
        if head[:1] in (b"{", b"["):
            return _read_json(path, whole=head[:1] == b"[", language=language)
        return _read_csv(path, language)
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        problem = text("backtest.bad.unreadable", language, error=str(error).split("\n", maxsplit=1)[0])
        raise FaultsError(
            [Fault(str(path), None, "", problem, text("backtest.remedy.unreadable", language))]
        ) from None


def _named(table: pa.Table) -> pa.Table:
    return table.rename_columns([name.strip().lower() for name in table.column_names])


def _read_csv(path: Path, language: Language) -> Sheet:
    try:
        return _csv_of(path, None, language)
    except (pa.ArrowInvalid, UnicodeDecodeError):
        data = path.read_bytes()
        try:
            data.decode()
        except UnicodeDecodeError:
            # Spreadsheets of a Chinese office write GBK, some write UTF-16; both say so by what they hold.
            wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
            return _csv_of(path, data.decode("utf-16" if wide else "gb18030").encode(), language)
        raise


def _csv_of(path: Path, data: bytes | None, language: Language) -> Sheet:
    """Rows of the file, or of its text as UTF-8 where it is of another encoding."""
    with io.TextIOWrapper(_open(path, data), encoding="utf-8-sig", newline="") as stream:
        head = stream.readline()
    comma = max(",;\t", key=head.count)
    names = [name.strip().lower() for name in next(csv.reader([head], delimiter=comma), [])]
    if len(set(names)) != len(names):
        raise OSError("a column name stands twice in the head")
    breaks = False
    if _quoted(path, data):
        data, breaks = closed(path.read_bytes() if data is None else data, len(names), comma)
    numeric = {n: pa.float64() for n in names if n in QUANTITIES and not QUANTITIES[n].boolean}
    ids = {"sensor_id": pa.dictionary(pa.int32(), pa.string())}
    others = {n: pa.string() for n in names if n not in numeric and n not in ("sensor_id", "t")}
    skipped: list[Any] = []
    parse = partial(_parse, path, data, comma, breaks, names, skipped)
    # Nearly every file reads as one of the first two, at the speed of the parser; one odd cell sends it to
    # the last, where cells are texts and the bad ones are named.
    for t, quantities in (
        (pa.int64(), numeric),
        (pa.timestamp("us", "UTC"), numeric),
        (pa.string(), {n: pa.string() for n in numeric}),
    ):
        skipped.clear()
        try:
            table = parse({**ids, **others, **quantities, "t": t}, threads=True)
            break
        except pa.ArrowInvalid:
            continue
    else:
        table = parse(dict.fromkeys(names, pa.string()), threads=True)
    if skipped:
        skipped.clear()
        table = parse({n: table.schema.field(n).type for n in names}, threads=False)
    bad = {int(row.number) for row in skipped}

    def lines() -> Lines:
        filled = _filled_lines(path, data)[1:]
        return np.array([n for n in filled if n not in bad], np.int64)[: table.num_rows]

    problem, remedy = text("backtest.bad.cells", language), text("backtest.remedy.cells", language)
    faults = [Fault(str(path), n, "", problem, remedy) for n in sorted(bad)]
    return Sheet(table, lines, faults, decimal_comma=comma != ",")


def _open(path: Path, data: bytes | None) -> BinaryIO:
    return path.open("rb") if data is None else io.BytesIO(data)


def _quoted(path: Path, data: bytes | None) -> bool:
    with _open(path, data) as stream:
        return any(b'"' in block for block in iter(lambda: stream.read(_BLOCK), b""))


def _parse(
    path: Path,
    data: bytes | None,
    comma: str,
    breaks: bool,
    names: Sequence[str],
    skipped: list[Any],
    types: dict[str, pa.DataType],
    *,
    threads: bool,
) -> pa.Table:
    def skip(row: Any) -> str:
        skipped.append(row)
        return "skip"

    return arrow_csv.read_csv(
        path if data is None else pa.BufferReader(data),
        read_options=arrow_csv.ReadOptions(
            column_names=names, skip_rows=1, use_threads=threads, block_size=_BLOCK
        ),
        parse_options=arrow_csv.ParseOptions(
            delimiter=comma, invalid_row_handler=skip, newlines_in_values=breaks
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types=types, strings_can_be_null=True, null_values=["", "NaN", "nan", "null", "NULL", "NA"]
        ),
    )


def _filled_lines(path: Path, data: bytes | None) -> list[int]:
    with _open(path, data) as stream:
        return [number for number, line in enumerate(stream, 1) if line.strip(b"\r\n")]


def _read_json(path: Path, *, whole: bool, language: Language) -> Sheet:
    data = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    rows: list[dict[str, Any]] = []
    numbers: list[int] = []
    faults: list[Fault] = []
    pairs: Iterable[tuple[int, Any]]
    if whole:
        try:
            pairs = enumerate(msgspec.json.decode(data), 1)
        except msgspec.DecodeError as error:
            raise OSError(str(error)) from None
    else:
        pairs = ((n, _decoded(line)) for n, line in enumerate(data.split(b"\n"), 1) if line.strip())
    problem, remedy = text("backtest.bad.json", language), text("backtest.remedy.json", language)
    for number, item in pairs:
        if isinstance(item, dict):
            rows.append(item)
            numbers.append(number)
        else:
            faults.append(Fault(str(path), number, "", problem, remedy))
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: _column([row.get(name) for row in rows]) for name in names}
    # What a device may not send as text is no measurement here either.
    worded = [n for n in names if n in QUANTITIES and pa.types.is_string(columns[n].type)]
    bad = {
        i: name
        for name in worded
        for i, row in enumerate(rows)
        if isinstance(row.get(name), str) and row[name].strip()
    }
    if bad:
        for i, name in bad.items():
            what = "boolean" if QUANTITIES[name].boolean else "number"
            problem = text(f"backtest.bad.{what}", language, value=json.dumps(rows[i][name]))
            remedy = text(f"backtest.remedy.{what}", language)
            faults.append(Fault(str(path), numbers[i], name, problem, remedy))
        rows = [row for i, row in enumerate(rows) if i not in bad]
        numbers = [number for i, number in enumerate(numbers) if i not in bad]
        columns = {name: _column([row.get(name) for row in rows]) for name in names}
    return Sheet(pa.table(columns), lambda: np.array(numbers, np.int64), faults)


_decoder = msgspec.json.Decoder()


def _decoded(line: bytes) -> Any:
    try:
        return _decoder.decode(line)
    except msgspec.DecodeError:
        return None


def _column(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except pa.ArrowException:
        texts = [v if v is None or isinstance(v, str) else json.dumps(v) for v in values]
        return pa.array(texts, pa.string())
