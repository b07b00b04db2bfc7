"""mail: messages to people that wait to be sent, and how many there were

Revision: 0011
Follows: 0010
"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op
import state.engine

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('mail_outbox',
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('external_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('notice', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('recipient', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('message', sa.LargeBinary(), nullable=False),
    sa.Column('queued_at', state.engine.UtcDateTime(timezone=True), nullable=False),
    sa.Column('due_at', state.engine.UtcDateTime(timezone=True), nullable=True),
    sa.Column('tried_count', sa.Integer(), nullable=False),
    sa.Column('in_doubt_count', sa.Integer(), nullable=False),
    sa.Column('given_up', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('problem', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('ended_at', state.engine.UtcDateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_mail_outbox'))
    )
    with op.batch_alter_table('mail_outbox', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_mail_outbox_due_at'), ['due_at'], unique=False)

    op.create_table('mail_tally',
    sa.Column('outcome', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('outcome', name=op.f('pk_mail_tally'))
    )
