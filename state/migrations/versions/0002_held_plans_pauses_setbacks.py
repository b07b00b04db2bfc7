"""held plans, paused targets, setbacks

Revision: 0002
Follows: 0001
"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op
import state.engine

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def _no_bytes() -> sa.TextClause:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    return sa.text("x''" if is_sqlite else "''")


def upgrade() -> None:
    op.create_table('setback',
    sa.Column('target', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('resource_type', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('external_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('name', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('identity', sa.LargeBinary(), nullable=False),
    sa.Column('reason', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('refused_count', sa.Integer(), nullable=False),
    sa.Column('since_at', state.engine.UtcDateTime(timezone=True), nullable=False),
    sa.Column('retry_at', state.engine.UtcDateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('target', 'resource_type', 'external_id', name=op.f('pk_setback'))
    )
    op.create_table('target_pause',
    sa.Column('target', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('failed_count', sa.Integer(), nullable=False),
    sa.Column('reason', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('until_at', state.engine.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('target', name=op.f('pk_target_pause'))
    )
    op.create_table('plan_hold',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('cycle_id', sa.Integer(), nullable=False),
    sa.Column('target', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('reason', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('status', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('opened_at', state.engine.UtcDateTime(timezone=True), nullable=False),
    sa.Column('decided_at', state.engine.UtcDateTime(timezone=True), nullable=True),
    sa.Column('decided_by', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.ForeignKeyConstraint(['cycle_id'], ['cycle.id'], name=op.f('fk_plan_hold_cycle_id_cycle'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_plan_hold'))
    )
    with op.batch_alter_table('plan_hold', schema=None) as batch_op:
        batch_op.create_index('ix_plan_hold_target_status', ['target', 'status'], unique=False)

    with op.batch_alter_table('operation', schema=None) as batch_op:
        batch_op.add_column(sa.Column('identity', sa.LargeBinary(), nullable=False, server_default=_no_bytes()))
        batch_op.add_column(sa.Column('removed_count', sa.Integer(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('is_approved', sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.create_index('ix_operation_target_kind_answered_at', ['target', 'kind', 'answered_at'], unique=False)
