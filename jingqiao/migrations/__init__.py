"""History of the database's schema (Alembic), carried in the package."""
