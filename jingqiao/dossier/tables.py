"""Tables of the dossier. `asset` and `sensor` say how things are now; the others, how they came to be so.

Times are µs since 1970 UTC. Unknown texts are "", unknown numbers NULL.
"""

from __future__ import annotations

import sqlalchemy as sa

from jingqiao.database import metadata

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite counts up only INTEGER keys

asset = sa.Table(
    "asset",
    metadata,
    sa.Column("row", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("asset_id", sa.Text, nullable=False, unique=True),
    sa.Column("kind", sa.SmallInteger, nullable=False),
    *(
        sa.Column(name, sa.Text, nullable=False, server_default="")
        for name in (
            "name",
            "category",
            "district",
            "road",
            "owner",
            "maintainer",
            "material",
            "load_class",
            "status",
            "street",
            "community",
            "grid_code",
        )
    ),
    sa.Column("lon", sa.Double),
    sa.Column("lat", sa.Double),
    sa.Column("installed_on", sa.Integer),
    sa.Column("design_life_years", sa.Double),
    sa.Column("low_lying", sa.SmallInteger),
    sa.Column("fall_net", sa.SmallInteger),
)
"""What is watched; `row` is its index in the registry, given once. Columns as in `assets.csv`;
`installed_on` in days since 1970."""

sensor = sa.Table(
    "sensor",
    metadata,
    sa.Column("row", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("sensor_id", sa.Text, nullable=False, unique=True),
    sa.Column("asset_row", sa.Integer),
    sa.Column("model", sa.Text, nullable=False, server_default="native"),
    sa.Column("role", sa.SmallInteger, nullable=False),
    sa.Column("location", sa.Text, nullable=False, server_default=""),
    sa.Column("section", sa.Text, nullable=False, server_default=""),
    sa.Column("group", sa.Text, nullable=False, server_default=""),
    sa.Column("heartbeat_s", sa.Double),
    sa.Column("installed_at", sa.BigInteger),
    sa.Column("e_gpa", sa.Double),
    sa.Column("alpha_per_c", sa.Double),
    sa.Column("strain_min_ue", sa.Double),
    sa.Column("strain_max_ue", sa.Double),
    sa.Column("design_live_ue", sa.Double),
    sa.Column("design_min", sa.Double),
    sa.Column("design_max", sa.Double),
    sa.Index(None, "asset_row"),
)
"""What measures; `row` is its index in frames and log, given once, never to another sensor."""

binding = sa.Table(
    "binding",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("sensor_row", sa.Integer, nullable=False, index=True),
    sa.Column("asset_row", sa.Integer, nullable=False, index=True),
    sa.Column("from_at", sa.BigInteger, nullable=False),
    sa.Column("to_at", sa.BigInteger),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False, server_default=""),
)
"""Which sensor sat where, and when; `to_at` NULL = still."""

entry = sa.Table(
    "dossier_entry",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("recorded_at", sa.BigInteger, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("what", sa.String(32), nullable=False),
    sa.Column("asset_row", sa.Integer, index=True),
    sa.Column("sensor_row", sa.Integer, index=True),
    sa.Column("note", sa.Text, nullable=False, server_default=""),
    sa.Column("details", sa.JSON, nullable=False),
)
"""Inspections, repairs, interventions, photos' references, status and other changes; only ever added.

`at` is when it happened, `recorded_at` when it was written down; of a change, `details` is
column → [before, after].
"""

baseline = sa.Table(
    "baseline",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("sensor_row", sa.Integer, nullable=False, index=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("quantity", sa.String(32), nullable=False),
    sa.Column("value", sa.Double, nullable=False),
    sa.Column("samples", sa.Integer, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False, server_default=""),
)
"""What a sensor read when it was commissioned, and each time that was done again."""

device_versions = sa.Table(
    "device_versions",
    metadata,
    sa.Column("sensor_row", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("firmware", sa.String(64), nullable=False, index=True),
    sa.Column("hardware", sa.String(64), nullable=False),
    sa.Column("serial_number", sa.String(64), nullable=False),
    sa.Column("said_at", sa.BigInteger, nullable=False),
)
"""What the device of a sensor said of itself last, and when; "" = it never said that."""

registry_version = sa.Table(
    "registry_version",
    metadata,
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("counts", sa.JSON, nullable=False),
)
"""Every change of assets or sensors that the rules must know of; the greatest is the one that holds."""

control_request = sa.Table(
    "control_request",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("name", sa.String(32), nullable=False),
    sa.Column("payload", sa.JSON, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("requested_at", sa.BigInteger, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False, server_default=""),
    sa.Column("taken_seq", sa.BigInteger),
    sa.Index(None, "taken_seq"),
)
"""What people ask of the running service; it appends them to the log and notes the record's number."""
