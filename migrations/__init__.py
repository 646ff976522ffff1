"""Alembic migrations of the SQL catalog, applied by ``echofs db upgrade``."""
