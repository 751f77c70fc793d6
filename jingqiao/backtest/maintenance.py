"""Maintenance windows of a CSV file: `asset_id, from, to, kind (permit|intervention), note, who`."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from config.faults import Fault
from config.messages import Language, text
from devices.registry import UNKNOWN, Registry
from devices.table_file import read_table
from ingest.log import Control
from jingqiao.backtest.cells import times

COLUMNS = ("asset_id", "from", "to", "kind", "note", "who")


def read_maintenance(
    path: Path, registry: Registry, language: Language = "zh"
) -> tuple[list[Control], list[Fault]]:
    """The file's windows as control records, by their begin; and the rows that are none, which are left out.

    Raises FaultsError where the file cannot be read as a table.
    """
    table = read_table(path, COLUMNS, ("asset_id", "from", "to"), language, may_be_empty=True)
    lines = table.faults.lines
    assert lines is not None
    number = lines()
    faults: list[Fault] = []
    controls = []
    moments = {name: times(pa.array(table.column(name).to_pylist(), pa.string())) for name in ("from", "to")}
    texts = {name: table.column(name).to_pylist() for name in COLUMNS}

    def fault(row: int, column: str, what: str, **values: object) -> None:
        problem = text(f"backtest.bad.{what}", language, **values)
        remedy = text(f"backtest.remedy.{what}", language, **values)
        faults.append(Fault(str(path), int(number[row]), column, problem, remedy))

    for row in range(table.rows):
        asset_id, kind = texts["asset_id"][row], texts["kind"][row].lower() or "permit"
        before = len(faults)
        if registry.asset_index(asset_id) == UNKNOWN:
            fault(row, "asset_id", "unknown_asset", asset_id=asset_id)
        for name in ("from", "to"):
            if moments[name][1][row]:
                fault(row, name, "time", value=texts[name][row])
        if kind not in ("permit", "intervention"):
            fault(row, "kind", "kind", value=texts["kind"][row])
        start, end = int(moments["from"][0][row]), int(moments["to"][0][row])
        if len(faults) == before and end <= start:
            fault(row, "to", "window")
        if len(faults) > before:
            continue
        payload = {"asset_id": asset_id, "from": start, "to": end, "kind": kind}
        payload |= {name: texts[name][row] for name in ("note", "who")}
        controls.append(Control(kind, payload, start))
    return sorted(controls, key=lambda control: control.at), faults
