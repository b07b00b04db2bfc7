"""keys: signing keys, who is signed for with which, and who was shown which

Revision: 0008
Follows: 0007
"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op
import state.engine

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('signing_key',
    sa.Column('fingerprint', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('state', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('algorithm', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('certificate', sa.LargeBinary(), nullable=False),
    sa.Column('sealed', sa.LargeBinary(), nullable=False),
    sa.Column('staged_at', state.engine.UtcDateTime(timezone=True), nullable=False),
    sa.Column('activated_at', state.engine.UtcDateTime(timezone=True), nullable=True),
    sa.Column('signed_until', state.engine.UtcDateTime(timezone=True), nullable=True),
    sa.Column('retired_at', state.engine.UtcDateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('fingerprint', name=op.f('pk_signing_key'))
    )
    op.create_table('key_ring',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_key_ring'))
    )
    op.create_table('application_key',
    sa.Column('application', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('fingerprint', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.PrimaryKeyConstraint('application', name=op.f('pk_application_key'))
    )
    op.create_table('metadata_fetch',
    sa.Column('application', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('fingerprint', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('first_at', state.engine.UtcDateTime(timezone=True), nullable=False),
    sa.Column('last_at', state.engine.UtcDateTime(timezone=True), nullable=False),
    sa.Column('address', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.PrimaryKeyConstraint('application', 'fingerprint', name=op.f('pk_metadata_fetch'))
    )
