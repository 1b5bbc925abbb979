"""Builds that make a slug and no release"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # the default stays, for an API that runs until it is restarted
    op.add_column("builds", sa.Column("to_release", sa.Boolean(), nullable=False, server_default=sa.true()))


def downgrade() -> None:
    op.drop_column("builds", "to_release")
