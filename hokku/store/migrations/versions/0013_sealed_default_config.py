"""The config vars that buildpacks declared are sealed: Rails' SECRET_KEY_BASE is one"""

import json

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from hokku.store import configs

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    connection = op.get_bind()
    connection.execute(sa.text("LOCK TABLE slugs"))
    rows = connection.execute(sa.text("SELECT id, default_config FROM slugs WHERE default_config <> '{}'")).all()
    sealed = [{"id": row.id, "sealed": json.dumps(configs.seal(row.default_config).decode())} for row in rows]
    if sealed:
        connection.execute(sa.text("UPDATE slugs SET default_config = CAST(:sealed AS jsonb) WHERE id = :id"), sealed)
    op.alter_column("slugs", "default_config", nullable=True)
    # another type makes PostgreSQL write the table anew, so that nothing of the clear text is left in dead rows
    op.alter_column(
        "slugs",
        "default_config",
        type_=sa.LargeBinary(),
        postgresql_using="CASE WHEN default_config <> '{}' THEN convert_to(default_config #>> '{}', 'UTF8') END",
    )
    op.alter_column("slugs", "default_config", new_column_name="default_config_sealed")


def downgrade() -> None:
    connection = op.get_bind()
    op.add_column("slugs", sa.Column("default_config", postgresql.JSONB(), nullable=False, server_default="{}"))
    rows = connection.execute(
        sa.text("SELECT id, default_config_sealed FROM slugs WHERE default_config_sealed IS NOT NULL")
    ).all()
    clear = [{"id": row.id, "clear": json.dumps(configs.unseal(row.default_config_sealed))} for row in rows]
    if clear:
        connection.execute(sa.text("UPDATE slugs SET default_config = CAST(:clear AS jsonb) WHERE id = :id"), clear)
    op.alter_column("slugs", "default_config", server_default=None)
    op.drop_column("slugs", "default_config_sealed")
