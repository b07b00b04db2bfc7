"""policy: the rules that are in force

Revision: 0012
Follows: 0011
"""

import sqlalchemy as sa
from alembic import op
import state.engine

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('policy_in_force',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('since', state.engine.UtcDateTime(timezone=True), nullable=False),
    sa.Column('rules', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_policy_in_force'))
    )
