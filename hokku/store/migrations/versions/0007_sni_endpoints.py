"""Certificates of apps, and which domain is served with which"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sni_endpoints",
        sa.Column("app_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("certificate_chain", sa.String(), nullable=False),
        sa.Column("private_key", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("updated_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_index(op.f("ix_sni_endpoints_app_id"), "sni_endpoints", ["app_id"], unique=False)
    op.create_index(op.f("ix_sni_endpoints_digest"), "sni_endpoints", ["digest"], unique=False)
    op.add_column("domains", sa.Column("sni_endpoint_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        "domains_sni_endpoint_id_fkey", "domains", "sni_endpoints", ["sni_endpoint_id"], ["id"], ondelete="SET NULL"
    )
    op.create_index(op.f("ix_domains_sni_endpoint_id"), "domains", ["sni_endpoint_id"], unique=False)
    # A wildcard and the hostnames it covers are the domains with the same rest after the first dot.
    op.execute("CREATE INDEX domains_parent ON domains (substr(hostname, strpos(hostname, '.') + 1))")


def downgrade() -> None:
    op.execute("DROP INDEX domains_parent")
    op.drop_index(op.f("ix_domains_sni_endpoint_id"), table_name="domains")
    op.drop_constraint("domains_sni_endpoint_id_fkey", "domains", type_="foreignkey")
    op.drop_column("domains", "sni_endpoint_id")
    op.drop_table("sni_endpoints")
