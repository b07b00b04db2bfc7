"""logins: those that go on without Duo

Revision: 0014
Follows: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('login_transaction', schema=None) as batch_op:
        batch_op.add_column(
            sa.Column('is_excused', sa.Boolean(), nullable=False, server_default=sa.false())
        )
