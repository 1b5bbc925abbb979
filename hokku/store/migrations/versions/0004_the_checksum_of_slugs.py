"""The checksum that an uploaded slug must have"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("slugs", sa.Column("checksum", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("slugs", "checksum")
