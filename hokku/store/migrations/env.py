"""Alembic's environment: runs on the connection that `hokku.store.migrate` holds its lock with.

Each migration is a transaction of its own, so that none holds the locks of those before it while it waits for its own.
"""

from alembic import context
from sqlalchemy import Connection, event

from hokku.store.tables import Base


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{patience}s'")
    # what a migration changes is told to webhooks at once: PostgreSQL alters no table with triggers to come
    connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")


connection, patience = (context.config.attributes[name] for name in ("connection", "patience"))
context.configure(
    connection=connection, target_metadata=Base.metadata, compare_type=True, transaction_per_migration=True
)
event.listen(connection, "begin", _begin)
try:
    with context.begin_transaction():
        context.run_migrations()
finally:
    event.remove(connection, "begin", _begin)
