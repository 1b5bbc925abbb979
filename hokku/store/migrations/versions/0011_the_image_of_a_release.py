"""The image that a release's dynos are made from"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("releases", sa.Column("image", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("releases", "image")
