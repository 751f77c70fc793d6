"""Snapshots of the engine and registries of the log, as files."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from devices.registry import ASSET_TEXTS, SENSOR_TEXTS, Registry
from jingqiao.registry_files import load_registry, save_registry
from jingqiao.snapshots import SnapshotHead, snapshots, write_snapshot


def test_the_newest_comes_first_and_only_two_are_kept(tmp_path: Path) -> None:
    for seq in (3, 10, 200):
        write_snapshot(tmp_path, SnapshotHead(seq, 1), b"state-%d" % seq)
    assert list(snapshots(tmp_path)) == [
        (SnapshotHead(200, 1), b"state-200"),
        (SnapshotHead(10, 1), b"state-10"),
    ]


@pytest.mark.parametrize("damage", [b"", b"JQSNAP1\n", b"JQSNAP1\n\xff\xff\xff\x7f{}", b"nonsense" * 10])
def test_a_damaged_one_is_passed_over(tmp_path: Path, damage: bytes) -> None:
    write_snapshot(tmp_path, SnapshotHead(1, 1), b"good")
    write_snapshot(tmp_path, SnapshotHead(2, 1), b"bad").write_bytes(damage)
    assert [head.seq for head, _ in snapshots(tmp_path)] == [1]


def test_a_version_that_was_written_before_a_column_was_known_is_read_as_if_its_cells_were_empty(
    tmp_path: Path,
) -> None:
    there = Registry.of(
        [{"asset_id": "a", "kind": "cover", "road": "古城路"}, {"asset_id": "b", "kind": "cover"}],
        [{"sensor_id": "s", "asset_id": "a"}],
    )
    save_registry(there, tmp_path, 1)
    path = tmp_path / "assets-1.arrow"
    with pa.OSFile(str(path), "rb") as source, pa.ipc.open_file(source) as reader:
        old = reader.read_all().drop_columns(["street", "community", "grid_code"])
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, old.schema) as writer:
        writer.write_table(old)
    back = load_registry(tmp_path, 1)
    assert [back.assets.text(name, 0) for name in ("road", "street", "grid_code")] == ["古城路", "", ""]
    save_registry(back, tmp_path, 2)
    assert load_registry(tmp_path, 2).assets.text("road", 0) == "古城路"


def test_a_registry_comes_back_from_its_files_as_it_was(tmp_path: Path) -> None:
    there = Registry.of(
        [{"asset_id": "a", "kind": "cover", "road": "古城路", "lon": 114.8, "lat": 30.3, "low_lying": 1}],
        [{"sensor_id": "s", "asset_id": "a"}, {"sensor_id": "t", "heartbeat_s": 600, "role": "water"}],
    )
    save_registry(there, tmp_path, 4)
    back = load_registry(tmp_path, 4)
    for name in ASSET_TEXTS:
        assert back.assets.texts[name].equals(there.assets.texts[name])
    for name in SENSOR_TEXTS:
        assert back.sensors.texts[name].equals(there.sensors.texts[name])
    np.testing.assert_array_equal(back.sensors.asset, [0, -1])
    np.testing.assert_array_equal(back.sensors.heartbeat_s, there.sensors.heartbeat_s)
    np.testing.assert_array_equal(back.assets.low_lying, [1])
    assert back.sensor_index("t") == 1
    with pytest.raises(FileNotFoundError):
        load_registry(tmp_path, 5)
