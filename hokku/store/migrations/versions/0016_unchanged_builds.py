"""What stands for a build's source, and what a slug was made from: the same is not built again"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("builds", sa.Column("content", sa.String(), nullable=True))
    op.add_column("slugs", sa.Column("made_from", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("slugs", "made_from")
    op.drop_column("builds", "content")
