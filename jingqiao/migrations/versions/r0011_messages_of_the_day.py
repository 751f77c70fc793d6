"""What counts the messages of the last day, without a look at those of years."""

from __future__ import annotations

from alembic import op

revision = "0011_messages_of_the_day"
down_revision: str | None = "0010_rulebook"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it."""
    op.create_index(
        op.f("ix_message_created_at_exercise_state"),
        "message",
        ["created_at", "exercise", "state"],
        unique=False,
    )
