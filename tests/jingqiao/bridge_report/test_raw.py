"""Raw strain is kept for a set time and can be had back around an event."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from devices.registry import Registry
from ingest.log import AccelerationBlock, StrainBlock
from jingqiao.archive.duckdb import DuckDBArchive
from jingqiao.cli import main

START_US = 1_704_067_200_000_000


def registry() -> Registry:
    return Registry.of(
        [{"asset_id": "B", "kind": "bridge"}], [{"sensor_id": "G0", "asset_id": "B", "role": "gauge"}]
    )


@pytest.fixture
def jingqiao(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JINGQIAO_LANGUAGE", "en")
    (tmp_path / "jingqiao.toml").write_text('data_dir = "data"\n[http]\nport = 1\n', "utf-8")
    (tmp_path / "assets.csv").write_text("asset_id,kind\nB,bridge\n", "utf-8")
    (tmp_path / "sensors.csv").write_text("sensor_id,asset_id,role\nG0,B,gauge\n", "utf-8")

    def run(*arguments: str, code: int = 0) -> Result:
        done = CliRunner().invoke(main, arguments)
        assert done.exit_code == code, done.output
        return done

    run("import", "assets.csv", "sensors.csv")
    archive = DuckDBArchive(tmp_path / "data" / "archive.duckdb", registry)
    blocks = [
        StrainBlock(0, START_US + i * 1_000_000, 50.0, np.arange(50, dtype=np.float32) + 100 * i)
        for i in range(10)
    ]
    archive.write([(i + 1, block) for i, block in enumerate(blocks)])
    archive.forget_blocks(START_US + 2_000_000)
    archive.close()
    return run


def test_samples_around_an_event_come_back_as_backtest_reads_them(jingqiao: Any) -> None:
    raw = ("bridge", "raw", "B", "--seconds", "1", "-o", "raw.csv")
    assert "100 samples" in jingqiao(*raw, "--at", "2024-01-01T00:00:05.5Z").stdout
    lines = Path("raw.csv").read_text("utf-8").splitlines()
    assert lines[0].replace('"', "") == "sensor_id,t,strain_ue"
    assert lines[1].replace('"', "") == f"G0,{START_US // 1000 + 4500},425"
    files = ("--assets", "assets.csv", "--sensors", "sensors.csv", "--json")
    assert jingqiao("backtest", "raw.csv", *files).stdout.strip() == "[]"


def test_what_was_forgotten_is_said_to_be_gone(jingqiao: Any) -> None:
    raw = ("bridge", "raw", "B", "--seconds", "1", "-o", "raw.csv")
    assert "raw_block_days" in jingqiao(*raw, "--at", "2024-01-01T00:00:00.5Z", code=1).stderr
    assert not Path("raw.csv").exists()


def test_acceleration_comes_back_beside_strain(jingqiao: Any) -> None:
    archive = DuckDBArchive(Path("data/archive.duckdb"), registry)
    archive.write([(11, AccelerationBlock(0, START_US + 5_000_000, 10.0, np.ones(5, np.float32)))])
    archive.close()
    said = jingqiao("bridge", "raw", "B", "--seconds", "1", "-o", "raw.csv", "--at", "2024-01-01T00:00:05.5Z")
    assert "105 samples" in said.stdout
    lines = Path("raw.csv").read_text("utf-8").replace('"', "").splitlines()
    assert lines[0] == "sensor_id,t,strain_ue,acceleration_g"
    assert f"G0,{START_US // 1000 + 5000},,1" in lines
