"""What the slug store holds, and slugs whose content goes"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

MOMENT = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "slug_contents",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("kept_at", MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("sha256"),
    )
    op.execute("INSERT INTO slug_contents (sha256) SELECT DISTINCT sha256 FROM slugs WHERE sha256 IS NOT NULL")
    op.add_column("slugs", sa.Column("deleted_at", MOMENT, nullable=True))
    op.create_foreign_key("slugs_sha256_fkey", "slugs", "slug_contents", ["sha256"], ["sha256"], ondelete="SET NULL")
    op.create_index(op.f("ix_slugs_sha256"), "slugs", ["sha256"], unique=False)
    going = sa.text("deleted_at IS NOT NULL AND sha256 IS NOT NULL")
    op.create_index("slugs_going", "slugs", ["sha256"], unique=False, postgresql_where=going)
    op.create_index(op.f("ix_releases_slug_id"), "releases", ["slug_id"], unique=False)
    op.create_index(op.f("ix_releases_config_id"), "releases", ["config_id"], unique=False)
    op.create_index(op.f("ix_sources_account_id"), "sources", ["account_id"], unique=False)
    op.create_index("events_created_at", "events", ["created_at"], unique=False)


def downgrade() -> None:
    op.drop_index("events_created_at", table_name="events")
    op.drop_index(op.f("ix_sources_account_id"), table_name="sources")
    op.drop_index(op.f("ix_releases_config_id"), table_name="releases")
    op.drop_index(op.f("ix_releases_slug_id"), table_name="releases")
    op.drop_index("slugs_going", table_name="slugs")
    op.drop_index(op.f("ix_slugs_sha256"), table_name="slugs")
    op.drop_constraint("slugs_sha256_fkey", "slugs", type_="foreignkey")
    op.drop_column("slugs", "deleted_at")
    op.drop_table("slug_contents")
