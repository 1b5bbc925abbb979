"""Pipelines, promotions and transfers of apps"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _row() -> tuple[sa.Column, ...]:
    return (
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("created_at", TIMESTAMP(timezone=True), nullable=False),
        sa.Column("updated_at", TIMESTAMP(timezone=True), nullable=False),
    )


def _to(name: str, table: str, **options: object) -> sa.Column:
    return sa.Column(name, sa.Uuid(), sa.ForeignKey(f"{table}.id", **options), nullable=False)


def upgrade() -> None:
    op.create_table(
        "pipelines",
        *_row(),
        sa.Column("name", sa.String(), nullable=False),
        _to("owner_id", "accounts"),
        sa.UniqueConstraint("owner_id", "name"),
    )
    op.create_table(
        "pipeline_couplings",
        *_row(),
        _to("pipeline_id", "pipelines", ondelete="CASCADE"),
        _to("app_id", "apps", ondelete="CASCADE"),
        sa.Column("stage", sa.String(), nullable=False),
        sa.UniqueConstraint("app_id"),
    )
    op.create_index("ix_pipeline_couplings_pipeline_id", "pipeline_couplings", ["pipeline_id"])
    op.create_table(
        "pipeline_promotions",
        *_row(),
        _to("pipeline_id", "pipelines", ondelete="CASCADE"),
        _to("app_id", "apps", ondelete="CASCADE"),
        _to("release_id", "releases", ondelete="CASCADE"),
    )
    op.create_index("ix_pipeline_promotions_pipeline_id", "pipeline_promotions", ["pipeline_id"])
    op.create_table(
        "pipeline_promotion_targets",
        *_row(),
        _to("promotion_id", "pipeline_promotions", ondelete="CASCADE"),
        _to("app_id", "apps", ondelete="CASCADE"),
        _to("release_id", "releases", ondelete="CASCADE"),
    )
    op.create_index("ix_pipeline_promotion_targets_promotion_id", "pipeline_promotion_targets", ["promotion_id"])
    op.create_table(
        "app_transfers",
        *_row(),
        _to("app_id", "apps", ondelete="CASCADE"),
        _to("owner_id", "accounts", ondelete="CASCADE"),
        _to("recipient_id", "accounts", ondelete="CASCADE"),
        sa.Column(
            "state",
            sa.Enum("pending", "accepted", "declined", name="transferstate", native_enum=False, length=32),
            nullable=False,
        ),
    )
    op.create_index("ix_app_transfers_app_id", "app_transfers", ["app_id"])


def downgrade() -> None:
    for table in (
        "app_transfers",
        "pipeline_promotion_targets",
        "pipeline_promotions",
        "pipeline_couplings",
        "pipelines",
    ):
        op.drop_table(table)
