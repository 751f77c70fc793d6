"""Table of the modes that were found, an hour of a bridge a row.

Raw acceleration is kept for days; a frequency tells something after months.
"""

from __future__ import annotations

import sqlalchemy as sa

from jingqiao.database import metadata

modal_window = sa.Table(
    "modal_window",
    metadata,
    sa.Column("asset_id", sa.Text, primary_key=True),
    sa.Column("hour", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("start", sa.BigInteger, nullable=False),
    sa.Column("problem", sa.String(16), nullable=False, server_default=""),
    sa.Column("temperature_c", sa.Double),
    sa.Column("rate_hz", sa.Double),
    sa.Column("sensor_ids", sa.JSON, nullable=False),
    sa.Column("left_out", sa.JSON, nullable=False),
    sa.Column("modes", sa.JSON, nullable=False),
)
"""`hour` begins the hour [µs], `start` the ten minutes of it that were analysed; `problem` "" or why there
are no modes; `modes`: {frequency_hz, deviation_hz, damping, share, shape} each, `shape` by `sensor_ids`."""
