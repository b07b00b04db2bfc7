"""logout: whom sessions were told to, logouts in progress, and who was looked at

Revision: 0006
Follows: 0005
"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op
import state.engine

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('session_participant',
    sa.Column('sso_index', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('application', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('entity_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('external_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('name_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('name_id_format', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('session_index', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('told_at', state.engine.UtcDateTime(timezone=True), nullable=False),
    sa.Column('expires_at', state.engine.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('sso_index', 'application', name=op.f('pk_session_participant'))
    )
    with op.batch_alter_table('session_participant', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_session_participant_expires_at'), ['expires_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_session_participant_external_id'), ['external_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_session_participant_session_index'), ['session_index'], unique=False)
    op.create_table('logout',
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('created_at', state.engine.UtcDateTime(timezone=True), nullable=False),
    sa.Column('expires_at', state.engine.UtcDateTime(timezone=True), nullable=False),
    sa.Column('external_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('cause', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('origin', sa.LargeBinary(), nullable=False),
    sa.Column('changed_at', state.engine.UtcDateTime(timezone=True), nullable=True),
    sa.Column('browser_digest', sa.LargeBinary(), nullable=False),
    sa.Column('cookie_digests', sa.LargeBinary(), nullable=False),
    sa.Column('asked_for', sa.LargeBinary(), nullable=False),
    sa.Column('ended_at', state.engine.UtcDateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_logout'))
    )
    with op.batch_alter_table('logout', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_logout_browser_digest'), ['browser_digest'], unique=False)
        batch_op.create_index(batch_op.f('ix_logout_expires_at'), ['expires_at'], unique=False)
    op.create_table('logout_delivery',
    sa.Column('request_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('logout_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('application', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('application_name', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('entity_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('external_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('name_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('name_id_format', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('session_index', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('channel', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('state', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('created_at', state.engine.UtcDateTime(timezone=True), nullable=False),
    sa.Column('due_at', state.engine.UtcDateTime(timezone=True), nullable=True),
    sa.Column('tried_count', sa.Integer(), nullable=False),
    sa.Column('answered_at', state.engine.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['logout_id'], ['logout.id'], name=op.f('fk_logout_delivery_logout_id_logout'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('request_id', name=op.f('pk_logout_delivery'))
    )
    with op.batch_alter_table('logout_delivery', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_logout_delivery_due_at'), ['due_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_logout_delivery_external_id'), ['external_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_logout_delivery_logout_id'), ['logout_id'], unique=False)
    op.create_table('sign_off_mark',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('looked_at', state.engine.UtcDateTime(timezone=True), nullable=False),
    sa.Column('swept_at', state.engine.UtcDateTime(timezone=True), nullable=False),
    sa.Column('policy', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sign_off_mark'))
    )
