"""Who is enrolled, the truth that searches and indexes go by: in memory, in a SQLite file or in PostgreSQL."""
