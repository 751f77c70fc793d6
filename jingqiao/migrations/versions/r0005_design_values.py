"""Design values of bridge sensors."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005_design_values"
down_revision: str | None = "0004_api_tokens"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the columns."""
    for name in ("design_live_ue", "design_min", "design_max"):
        op.add_column("sensor", sa.Column(name, sa.Double, nullable=True))
