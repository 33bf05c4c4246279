"""The database: SQLite files, their tables and migrations; later PostgreSQL."""
