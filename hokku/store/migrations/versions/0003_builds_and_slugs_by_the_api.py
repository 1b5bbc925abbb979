"""Builds that are cancelled and checked, slugs that are uploaded"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in ("cancelled", "checksum", "version_description"):
        op.add_column("builds", sa.Column(column, sa.String(), nullable=True))
    op.add_column("slugs", sa.Column("commit_description", sa.String(), nullable=True))
    op.alter_column("slugs", "sha256", existing_type=sa.String(), nullable=True)
    op.alter_column("slugs", "size", existing_type=sa.Integer(), nullable=True)


def downgrade() -> None:
    op.execute("DELETE FROM slugs WHERE sha256 IS NULL")
    op.alter_column("slugs", "size", existing_type=sa.Integer(), nullable=False)
    op.alter_column("slugs", "sha256", existing_type=sa.String(), nullable=False)
    op.drop_column("slugs", "commit_description")
    for column in ("cancelled", "checksum", "version_description"):
        op.drop_column("builds", column)
