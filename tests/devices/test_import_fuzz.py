"""Whatever lies in a file, the import names its faults or takes it; it never breaks."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from config.faults import FaultsError
from devices.import_csv import read_assets, read_sensors

GOOD = (
    "asset_id,kind,name,lon,lat,installed_on,low_lying\r\n"
    '4207040103000001,cover,"a ""b""\r\nc",114.9,30.4,2015-3-1,1\r\n'
    "B,bridge,桥,,,,\r\n"
).encode()
CELLS = st.one_of(
    st.sampled_from(
        ["", "cover", "bridge", "1", "0", "114.9", "30.4", "-5", "1e999", "nan", "2024-02-30", "２０"]
    ),
    st.text(max_size=8),
)


def judged(name: str, data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        for read in (read_assets, lambda file: read_sensors(file, None)):
            try:
                rows = read(path)
            except FaultsError as error:
                faults = error.faults
            else:
                assert len(rows)
                continue
            assert faults
            assert all(fault.problem and fault.remedy for fault in faults)


@given(st.binary(max_size=200))
@example(b"\xef")
@example(b"asset_id,kind\n\x00,cover\n")
@example(b'asset_id,kind\nA,"cover"x\n')
@example(b"asset_id,kind\rA,cover\rB,bridge")
@example(b'"asset_id\n",kind\nA,cover\n,\n\n"",""\nA,cover')
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_judged(data):
    judged("any.csv", data)


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255), st.booleans())
@settings(max_examples=300, deadline=None)
def test_a_good_file_with_one_byte_changed_or_lost_is_judged(at, byte, lost):
    judged("assets.csv", GOOD[:at] + (b"" if lost else bytes([byte])) + GOOD[at + 1 :])


@given(st.lists(st.lists(CELLS, min_size=7, max_size=7), min_size=1, max_size=6))
@settings(max_examples=200, deadline=None)
def test_any_cells_are_judged(rows):
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["asset_id", "kind", "name", "lon", "lat", "installed_on", "low_lying"])
    writer.writerows(rows)
    judged("assets.csv", out.getvalue().encode("utf-8", "replace"))


@given(st.binary(max_size=100))
@settings(max_examples=30, deadline=None)
def test_any_bytes_called_a_workbook_are_judged(data):
    judged("assets.xlsx", b"PK\x03\x04" + data)


def test_a_cell_longer_than_any_text_is_a_fault_with_its_line(tmp_path):
    path = tmp_path / "assets.csv"
    path.write_text("asset_id,kind,name\nA,cover,x\nB,cover," + "x" * 300_000 + "\n", "utf-8")
    with pytest.raises(FaultsError) as caught:
        read_assets(path)
    assert [(fault.line, fault.field) for fault in caught.value.faults] == [(3, "name")]
