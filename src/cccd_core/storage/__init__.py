"""The ground on which everything durable stands: whole files, SQLite files, append-only logs, locks.

One way for each, so that a guard or a mend is made once. Nothing here knows what is stored.
"""
