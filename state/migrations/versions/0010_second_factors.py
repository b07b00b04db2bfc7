"""second factors: how far a login has come, what a sign-on was proved by, remembered devices

Revision: 0010
Follows: 0009
"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op
import state.engine

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def _no_bytes() -> sa.TextClause:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    return sa.text("x''" if is_sqlite else "''")


def upgrade() -> None:
    text = sqlmodel.sql.sqltypes.AutoString
    moment = state.engine.UtcDateTime(timezone=True)
    with op.batch_alter_table('login_transaction', schema=None) as batch_op:
        for name in ('first', 'second', 'chosen', 'enrolling'):
            batch_op.add_column(sa.Column(name, text(), nullable=False, server_default=''))
        batch_op.add_column(sa.Column('second_at', moment, nullable=True))
        for name in ('pending', 'upgrades'):
            batch_op.add_column(sa.Column(name, sa.LargeBinary(), nullable=False, server_default=_no_bytes()))
        for name in ('tries', 'remember_seconds'):
            batch_op.add_column(sa.Column(name, sa.Integer(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('is_memory_shared', sa.Boolean(), nullable=False, server_default=sa.false()))
    # Whoever is signed in by now gave a password, here or to another identity provider.
    with op.batch_alter_table('sso_session', schema=None) as batch_op:
        batch_op.add_column(sa.Column('first', text(), nullable=False, server_default='password'))
        for name in ('second', 'remembered_for', 'remembered_by', 'user_agent'):
            batch_op.add_column(sa.Column(name, text(), nullable=False, server_default=''))
        for name in ('second_at', 'remembered_at'):
            batch_op.add_column(sa.Column(name, moment, nullable=True))
    op.execute("UPDATE sso_session SET first = 'upstream' WHERE source <> 'ad'")
    op.create_table('remembered_device',
    sa.Column('token_digest', sa.LargeBinary(), nullable=False),
    sa.Column('application', text(), nullable=False),
    sa.Column('external_id', text(), nullable=False),
    sa.Column('kind', text(), nullable=False),
    sa.Column('created_at', moment, nullable=False),
    sa.Column('used_at', moment, nullable=False),
    sa.Column('expires_at', moment, nullable=False),
    sa.Column('address', text(), nullable=False),
    sa.Column('user_agent', text(), nullable=False),
    sa.PrimaryKeyConstraint('token_digest', 'application', 'external_id', name=op.f('pk_remembered_device'))
    )
    op.create_index(op.f('ix_remembered_device_external_id'), 'remembered_device', ['external_id'], unique=False)
    op.create_index(op.f('ix_remembered_device_expires_at'), 'remembered_device', ['expires_at'], unique=False)
