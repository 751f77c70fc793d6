"""A small city in a fresh database: two covers and a bridge, a sensor on two of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from jingqiao.database import migrate, open_database
from jingqiao.dossier.importing import import_files

T0 = 1_700_000_000_000_000
"""When the city was imported [µs]."""

ASSETS = "asset_id,kind,name\nA,cover,雨水井\nB,cover,污水井\nC,bridge,桥\n"
SENSORS = "sensor_id,asset_id,model,location\ns1,A,em310-tilt,盖下\ng1,C,native,跨中\n"


@contextmanager
def small_city(folder: Path, url: str | None = None) -> Iterator[sa.Engine]:
    """The city's database; SQLite in the folder, or the one behind a URL."""
    database = open_database(url or f"sqlite:///{folder / 'jingqiao.sqlite'}")
    migrate(database)
    (folder / "assets.csv").write_text(ASSETS, "utf-8")
    (folder / "sensors.csv").write_text(SENSORS, "utf-8")
    import_files(database, folder / "assets.csv", folder / "sensors.csv", at=T0, who="importer")
    try:
        yield database
    finally:
        database.dispose()
