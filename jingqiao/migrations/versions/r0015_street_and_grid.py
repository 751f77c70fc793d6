"""Street, community and unit grid of an asset, as the city's platform wants them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015_street_and_grid"
down_revision: str | None = "0014_device_versions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the columns."""
    for name in ("street", "community", "grid_code"):
        op.add_column("asset", sa.Column(name, sa.Text(), nullable=False, server_default=""))
