"""Release phases"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

MOMENT = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "release_phases",
        sa.Column("release_id", sa.Uuid(), nullable=False),
        sa.Column("app_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("worker", sa.String(), nullable=True),
        sa.Column("oneoff_id", sa.Uuid(), nullable=True),
        sa.Column("cancelled", sa.String(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("started_at", MOMENT, nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["release_id"], ["releases.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("release_id"),
    )
    going = sa.text("status IN ('waiting', 'running')")
    op.create_index("release_phases_open", "release_phases", ["app_id"], postgresql_where=going)
    op.create_table(
        "release_output",
        sa.Column("seq", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("release_id", sa.Uuid(), nullable=False),
        sa.Column("chunk", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["release_id"], ["releases.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index(op.f("ix_release_output_release_id"), "release_output", ["release_id"], unique=False)


def downgrade() -> None:
    op.drop_table("release_output")
    op.drop_table("release_phases")
