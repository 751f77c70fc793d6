"""Importing the registry: good files become columns, every fault of a bad one is named at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from config.faults import FaultsError
from config.messages import catalogue
from devices.import_csv import read_assets, read_registry
from devices.registry import UNBOUND, UNKNOWN, Kind, Role

ASSETS = """\
asset_id,kind,name,lon,lat,installed_on,design_life_years,low_lying,fall_net,status
4207040103000123,cover,"雨水井
（路口）",114.89,30.39,2015-3-1,15,1,0,in_use
4207040103000124,cover,,,,,,,,
BRIDGE-1,bridge,鄂钢跨线桥,114.9,30.4,1969-12-31,50,,,
"""
SENSORS = """\
sensor_id,asset_id,model,role,heartbeat_s,installed_at,e_gpa,section
tilt-1,4207040103000123,EM310-TILT,,21600,2024-05-01T08:00:00+08:00,,
level-1,4207040103000123,em500-swl,,,2024-05-01 08:00,,
gauge-1,BRIDGE-1,,,,,206,mid
warm-1,BRIDGE-1,native,temperature,,2024-05-01T00:00:00.250Z,,
"""


@pytest.fixture
def write(tmp_path: Path):
    def _write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return _write


def faults_of(call) -> list[tuple[int | None, str]]:
    with pytest.raises(FaultsError) as caught:
        call()
    assert all(fault.problem and fault.remedy for fault in caught.value.faults)
    return [(fault.line, fault.field) for fault in caught.value.faults]


def test_good_files_become_a_registry(write):
    registry = read_registry(write("assets.csv", ASSETS), write("sensors.csv", SENSORS))
    assets, sensors = registry.assets, registry.sensors
    assert assets.kind.tolist() == [Kind.COVER, Kind.COVER, Kind.BRIDGE]
    assert assets.text("name", 0) == "雨水井\n（路口）"
    assert assets.installed_on.tolist() == [16495, -1, -2]
    assert assets.low_lying.tolist() == [1, UNKNOWN, UNKNOWN]
    assert sensors.asset.tolist() == [0, 0, 2, 2]
    assert sensors.role.tolist() == [Role.LID, Role.WATER, Role.GAUGE, Role.TEMPERATURE]
    assert sensors.texts["model"].to_pylist() == ["em310-tilt", "em500-swl", "native", "native"]
    assert sensors.installed_at.tolist() == [1714521600_000000, 1714521600_000000, 0, 1714521600_250000]
    np.testing.assert_array_equal([21600, np.nan, np.nan, np.nan], sensors.heartbeat_s)
    assert registry.sensor_index("gauge-1") == 2
    assert registry.asset_index("nowhere") == UNBOUND


def test_a_byte_order_mark_crlf_and_any_order_of_columns_change_nothing(write):
    lines = [line.split(",") for line in ["asset_id,kind,name", "A,cover,x", "B,bridge,y"]]
    turned = "\ufeff" + "\r\n".join(",".join(reversed(line)) for line in lines) + "\r\n\r\n,,\r\n"
    assets = read_assets(write("assets.csv", turned))
    assert assets.texts["asset_id"].to_pylist() == ["A", "B"]
    assert assets.texts["name"].to_pylist() == ["x", "y"]


def test_every_fault_of_both_files_is_named_with_its_line_and_column_at_once(write):
    assets = write(
        "assets.csv",
        "asset_id,kind,name,lon,lat,installed_on,design_life_years,low_lying\n"
        'A,cover,"two\nlines",30.39,114.89,2015-02-30,30年,1\n'
        "A,covr,,0,0,x,２０,是\n"
        "\n"
        "4.20704E+15,,,200,3,,-1,\n"
        "B,cover,,114.9,,,1e400,\n"
        "C,cover,,114.9,30.4,,,\n",
    )
    sensors = write(
        "sensors.csv", "sensor_id,asset_id,model,heartbeat_s\ns/1,NO,em310-tit,0\n,C,native,abc\ns2,,x,5\n"
    )
    expected = [
        *((2, name) for name in ("design_life_years", "installed_on", "lon")),
        *(
            (4, name)
            for name in ("asset_id", "design_life_years", "installed_on", "kind", "lon", "low_lying")
        ),
        *((6, name) for name in ("asset_id", "design_life_years", "kind", "lon")),
        *((7, name) for name in ("design_life_years", "lat")),
        *((2, name) for name in ("heartbeat_s", "model", "sensor_id")),
        *((3, name) for name in ("heartbeat_s", "sensor_id")),
        *((4, name) for name in ("asset_id", "model")),
    ]
    assert expected == faults_of(lambda: read_registry(assets, sensors))


def test_a_sensor_of_an_unknown_asset_is_a_fault(write):
    assets = write("assets.csv", ASSETS)
    sensors = write("sensors.csv", SENSORS + "x,NOWHERE,,,,,,\n")
    assert faults_of(lambda: read_registry(assets, sensors)) == [(6, "asset_id")]


@pytest.mark.parametrize(
    ("cell", "seconds"),
    [
        ("6h", "21600"),
        ("6 小时", "21600"),
        ("1.5 h", "5400"),
        ("10min", "600"),
        ("1 天", "86400"),
        ("30 s", "30"),
    ],
)
def test_a_time_with_its_unit_is_told_in_the_seconds_that_it_means(write, cell, seconds):
    """Taken at its word, "write only the number: 6" would make six hours of a heartbeat six seconds."""
    assets = write("assets.csv", ASSETS)
    sensors = write("sensors.csv", SENSORS.replace("21600", cell))
    with pytest.raises(FaultsError) as caught:
        read_registry(assets, sensors)
    (fault,) = caught.value.faults
    assert fault.remedy.endswith(f"：{seconds}")


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("assets.csv", "asset_id,kind,name\nA,cover,井盖\n".encode("gbk"), "UTF-8"),
        ("assets.csv", "asset_id,kind\nA,cover\n".encode("utf-16"), "UTF-8"),
        ("assets.csv", b"asset_id;kind\nA;cover\n", ","),
        ("assets.csv", b"", ""),
        ("assets.csv", b"\xef\xbb\xbf\n", ""),
        ("assets.csv", b"asset_id,kind\n", ""),
        ("assets.csv", b"asset_id,kind\nA,cover,too\n", ""),
        ("assets.csv", b'asset_id,kind\nA,"cover\n', ""),
        ("assets.csv", b"asset_id\nA\n", "kind"),
        ("assets.csv", b"asset_id,kind,kind\nA,cover,cover\n", ""),
        ("assets.csv", b"asset_id,kind,longitude\nA,cover,3\n", "longitude"),
        ("assets.csv", b"PK\x03\x04 something", "xlsx"),
        ("assets.xlsx", b"no workbook", "xlsx"),
    ],
)
def test_a_file_in_the_wrong_form_is_refused_with_what_to_do(write, name, content, word):
    with pytest.raises(FaultsError) as caught:
        read_assets(write(name, content))
    assert word in str(caught.value)


def test_the_line_of_a_row_with_too_many_cells_counts_quoted_line_breaks(write):
    path = write("assets.csv", 'asset_id,kind,name\nA,cover,"1\n2\n3"\nB,cover,x,y\n')
    assert faults_of(lambda: read_assets(path)) == [(5, "")]


def test_faults_beyond_the_list_are_counted(write):
    rows = "".join(f"A{i},lid\n" for i in range(10_005))
    with pytest.raises(FaultsError) as caught:
        read_assets(write("assets.csv", "asset_id,kind\n" + rows))
    assert len(caught.value.faults) == 10_001
    assert " 5 " in caught.value.faults[-1].problem


def test_a_workbook_with_the_same_columns_is_read_alike(tmp_path):
    import datetime

    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["asset_id", "kind", "lon", "lat", "installed_on", "low_lying"])
    sheet.append(["4207040103000123", "cover", 114.89, 30.39, datetime.date(2015, 3, 1), 1])
    sheet.append([None] * 6)
    sheet.append([17, "bridge", None, None, "2015-3-1", 0])
    book.save(tmp_path / "assets.xlsx")
    assets = read_assets(tmp_path / "assets.xlsx")
    assert assets.texts["asset_id"].to_pylist() == ["4207040103000123", "17"]
    assert assets.installed_on.tolist() == [16495, 16495]
    assert assets.low_lying.tolist() == [1, 0]
    sheet.append([4207040103000124, "cover", 1, None, None, "#N/A"])
    book.save(tmp_path / "assets.xlsx")
    assert faults_of(lambda: read_assets(tmp_path / "assets.xlsx")) == [(5, "asset_id"), (5, "low_lying")]


def test_the_shipped_example_city_has_no_fault():
    city = Path(__file__).parents[2] / "config" / "examples" / "ezhou"
    registry = read_registry(city / "assets.csv", city / "sensors.csv")
    assert len(registry.assets) > 400
    assert (registry.sensors.asset != UNBOUND).all()


def test_both_languages_name_the_same_faults():
    keys = [{k for k in catalogue(lang) if k.startswith("import_csv.")} for lang in ("zh", "en")]
    assert keys[0] == keys[1]
