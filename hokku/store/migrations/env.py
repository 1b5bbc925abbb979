"""Alembic's environment: runs on the connection that `hokku.store.migrate` holds its lock with."""

from alembic import context

from hokku.store.tables import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True)
with context.begin_transaction():
    # what a migration changes is told to webhooks at once: PostgreSQL alters no table with triggers to come
    connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
    context.run_migrations()
