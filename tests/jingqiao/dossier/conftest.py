"""A database that is brought to the newest schema."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from jingqiao.database import migrate, open_database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = open_database(f"sqlite:///{tmp_path / 'city.sqlite'}")
    migrate(engine)
    yield engine
    engine.dispose()
