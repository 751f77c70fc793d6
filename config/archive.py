"""Settings of the archive: embedded DuckDB, InfluxDB 2, or none."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DuckDBArchiveSettings(_Section):
    """The embedded archive: one DuckDB file in the data directory."""

    kind: Literal["duckdb"] = "duckdb"
    raw_block_days: float = Field(default=7, gt=0)


class InfluxArchiveSettings(_Section):
    """InfluxDB 2 as the archive."""

    kind: Literal["influxdb"]
    url: str
    org: str
    bucket: str
    token: SecretStr = SecretStr("")
    timeout_s: float = Field(default=10, gt=0)


class NoArchiveSettings(_Section):
    """No archive at all."""

    kind: Literal["none"]


ArchiveSettings = Annotated[
    DuckDBArchiveSettings | InfluxArchiveSettings | NoArchiveSettings, Field(discriminator="kind")
]
