"""drift: the last comparison of each target, and what it found

Revision: 0005
Follows: 0004
"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op
import state.engine

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('target_comparison',
    sa.Column('target', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('tried_at', state.engine.UtcDateTime(timezone=True), nullable=False),
    sa.Column('reason', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('compared_at', state.engine.UtcDateTime(timezone=True), nullable=True),
    sa.Column('is_repair', sa.Boolean(), nullable=False),
    sa.Column('compared_count', sa.Integer(), nullable=False),
    sa.Column('foreign_count', sa.Integer(), nullable=False),
    sa.Column('left_count', sa.Integer(), nullable=False),
    sa.Column('found_count', sa.Integer(), nullable=False),
    sa.Column('digest', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('target', name=op.f('pk_target_comparison'))
    )
    op.create_table('target_finding',
    sa.Column('target', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('resource_type', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('external_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('path', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('name', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('ours', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('theirs', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('seen_at', state.engine.UtcDateTime(timezone=True), nullable=False),
    sa.Column('changed_at', state.engine.UtcDateTime(timezone=True), nullable=True),
    sa.Column('version', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('written_at', state.engine.UtcDateTime(timezone=True), nullable=True),
    sa.Column('cycle_id', sa.Integer(), nullable=True),
    sa.PrimaryKeyConstraint('target', 'resource_type', 'external_id', 'path', name=op.f('pk_target_finding'))
    )
