"""Webhooks, and triggers that note what they shall be told of"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_WATCHED = ("apps", "builds", "collaborators", "domains", "dynos", "formations", "releases", "sni_endpoints")

# At the end of the transaction, so that who changes something can be told afterwards (trail.leave), and a row that is
# changed in the same transaction is noted once each. Apps without webhooks cost one look into an index.
_NOTE = """
CREATE FUNCTION hokku_note_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  app uuid;
BEGIN
  IF TG_TABLE_NAME = 'apps' THEN
    app := CASE TG_OP WHEN 'DELETE' THEN OLD.id ELSE NEW.id END;
  ELSE
    app := CASE TG_OP WHEN 'DELETE' THEN OLD.app_id ELSE NEW.app_id END;
  END IF;
  IF EXISTS (SELECT FROM webhooks WHERE webhooks.app_id = app) THEN
    INSERT INTO webhook_changes (app_id, entity, before, after, actor_id, at) VALUES (
      app,
      TG_TABLE_NAME,
      CASE TG_OP WHEN 'INSERT' THEN NULL ELSE to_jsonb(OLD) - 'private_key' END,
      CASE TG_OP WHEN 'DELETE' THEN NULL ELSE to_jsonb(NEW) - 'private_key' END,
      nullif(current_setting('hokku.actor', true), '')::uuid,
      clock_timestamp()
    );
    PERFORM pg_notify('hokku_webhooks', app::text);
  END IF;
  RETURN NULL;
END
$$
"""
_WATCH = """
CREATE CONSTRAINT TRIGGER hokku_webhooks AFTER INSERT OR UPDATE OR DELETE ON {}
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hokku_note_change()
"""


def _row() -> tuple[sa.Column, ...]:
    return (
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("created_at", TIMESTAMP(timezone=True), nullable=False),
        sa.Column("updated_at", TIMESTAMP(timezone=True), nullable=False),
    )


def _of(table: str, name: str) -> sa.Column:
    return sa.Column(name, sa.Uuid(), sa.ForeignKey(f"{table}.id", ondelete="CASCADE"), nullable=False)


def _moment(name: str) -> sa.Column:
    return sa.Column(name, TIMESTAMP(timezone=True), nullable=True)


def upgrade() -> None:
    op.create_table(
        "webhooks",
        *_row(),
        _of("apps", "app_id"),
        sa.Column("include", JSONB(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("url_sealed", sa.String(), nullable=False),
        sa.Column("secret_sealed", sa.String(), nullable=False),
        sa.Column("authorization_sealed", sa.String(), nullable=True),
    )
    op.create_index(op.f("ix_webhooks_app_id"), "webhooks", ["app_id"])
    op.create_table(
        "webhook_changes",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("app_id", sa.Uuid(), nullable=False),
        sa.Column("entity", sa.String(), nullable=False),
        sa.Column("before", JSONB(), nullable=True),
        sa.Column("after", JSONB(), nullable=True),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("at", TIMESTAMP(timezone=True), nullable=False),
    )
    op.create_table(
        "webhook_events",
        *_row(),
        _of("apps", "app_id"),
        sa.Column("include", sa.String(), nullable=False),
        sa.Column("payload_sealed", sa.String(), nullable=False),
    )
    op.create_index("webhook_events_of_app", "webhook_events", ["app_id", "created_at"])
    op.create_table(
        "webhook_deliveries",
        *_row(),
        sa.Column("seq", sa.BigInteger(), sa.Identity(), nullable=False, unique=True),
        _of("apps", "app_id"),
        _of("webhooks", "webhook_id"),
        _of("webhook_events", "event_id"),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("num_attempts", sa.Integer(), nullable=False),
        _moment("next_attempt_at"),
        _moment("held_until"),
        sa.Column("attempt_id", sa.Uuid(), nullable=True),
        sa.Column("attempt_code", sa.Integer(), nullable=True),
        sa.Column("attempt_error", sa.String(), nullable=True),
        _moment("attempt_at"),
        _moment("attempt_ended_at"),
    )
    is_open = sa.text("status IN ('pending', 'retrying')")
    op.create_index("webhook_deliveries_open", "webhook_deliveries", ["webhook_id", "seq"], postgresql_where=is_open)
    op.create_index("webhook_deliveries_of_app", "webhook_deliveries", ["app_id", "seq"])
    op.create_index("webhook_deliveries_of_webhook", "webhook_deliveries", ["webhook_id", "seq"])
    op.create_index(op.f("ix_webhook_deliveries_event_id"), "webhook_deliveries", ["event_id"])
    op.execute(_NOTE)
    for table in _WATCHED:
        op.execute(_WATCH.format(table))


def downgrade() -> None:
    for table in _WATCHED:
        op.execute(f"DROP TRIGGER hokku_webhooks ON {table}")
    op.execute("DROP FUNCTION hokku_note_change")
    for table in ("webhook_deliveries", "webhook_events", "webhook_changes", "webhooks"):
        op.drop_table(table)
