"""The dossier: assets, sensors, their history, requests to the service, credentials and commands."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables of the dossier, provisioning and commands."""
    op.create_table(
        "asset",
        sa.Column("row", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("asset_id", sa.Text, nullable=False),
        sa.UniqueConstraint("asset_id", name="uq_asset_asset_id"),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sa.Column("name", sa.Text, nullable=False, server_default=""),
        sa.Column("category", sa.Text, nullable=False, server_default=""),
        sa.Column("district", sa.Text, nullable=False, server_default=""),
        sa.Column("road", sa.Text, nullable=False, server_default=""),
        sa.Column("owner", sa.Text, nullable=False, server_default=""),
        sa.Column("maintainer", sa.Text, nullable=False, server_default=""),
        sa.Column("material", sa.Text, nullable=False, server_default=""),
        sa.Column("load_class", sa.Text, nullable=False, server_default=""),
        sa.Column("status", sa.Text, nullable=False, server_default=""),
        sa.Column("lon", sa.Double),
        sa.Column("lat", sa.Double),
        sa.Column("installed_on", sa.Integer),
        sa.Column("design_life_years", sa.Double),
        sa.Column("low_lying", sa.SmallInteger),
        sa.Column("fall_net", sa.SmallInteger),
        sa.PrimaryKeyConstraint("row", name="pk_asset"),
    )
    op.create_table(
        "sensor",
        sa.Column("row", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("sensor_id", sa.Text, nullable=False),
        sa.UniqueConstraint("sensor_id", name="uq_sensor_sensor_id"),
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
        sa.PrimaryKeyConstraint("row", name="pk_sensor"),
    )
    op.create_index("ix_sensor_asset_row", "sensor", ["asset_row"])
    op.create_table(
        "binding",
        sa.Column("id", _ID, nullable=False),
        sa.Column("sensor_row", sa.Integer, nullable=False),
        sa.Column("asset_row", sa.Integer, nullable=False),
        sa.Column("from_at", sa.BigInteger, nullable=False),
        sa.Column("to_at", sa.BigInteger),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("id", name="pk_binding"),
    )
    op.create_index("ix_binding_sensor_row", "binding", ["sensor_row"])
    op.create_index("ix_binding_asset_row", "binding", ["asset_row"])
    op.create_table(
        "dossier_entry",
        sa.Column("id", _ID, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("what", sa.String(32), nullable=False),
        sa.Column("asset_row", sa.Integer),
        sa.Column("sensor_row", sa.Integer),
        sa.Column("note", sa.Text, nullable=False, server_default=""),
        sa.Column("details", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_dossier_entry"),
    )
    op.create_index("ix_dossier_entry_asset_row", "dossier_entry", ["asset_row"])
    op.create_index("ix_dossier_entry_sensor_row", "dossier_entry", ["sensor_row"])
    op.create_table(
        "baseline",
        sa.Column("id", _ID, nullable=False),
        sa.Column("sensor_row", sa.Integer, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("quantity", sa.String(32), nullable=False),
        sa.Column("value", sa.Double, nullable=False),
        sa.Column("samples", sa.Integer, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("id", name="pk_baseline"),
    )
    op.create_index("ix_baseline_sensor_row", "baseline", ["sensor_row"])
    op.create_table(
        "registry_version",
        sa.Column("version", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("counts", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_registry_version"),
    )
    op.create_table(
        "control_request",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("payload", sa.JSON, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("requested_at", sa.BigInteger, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False, server_default=""),
        sa.Column("taken_seq", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_control_request"),
    )
    op.create_index("ix_control_request_taken_seq", "control_request", ["taken_seq"])
    op.create_table(
        "device_credential",
        sa.Column("sensor_id", sa.Text, nullable=False),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("revoked_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("sensor_id", name="pk_device_credential"),
    )
    op.create_table(
        "refused_device",
        sa.Column("sensor_id", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("sensor_id", name="pk_refused_device"),
    )
    op.create_table(
        "device_command",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("sensor_id", sa.Text, nullable=False),
        sa.Column("settings", sa.JSON, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("requested_at", sa.BigInteger, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("timeout_s", sa.Double, nullable=False),
        sa.Column("sent_at", sa.BigInteger),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("answer", sa.Text, nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("id", name="pk_device_command"),
    )
    op.create_index("ix_device_command_sensor_id", "device_command", ["sensor_id"])
    op.create_index("ix_device_command_state", "device_command", ["state"])
