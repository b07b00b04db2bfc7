"""factors: what proves people besides the password, and what the help desk says of them

Revision: 0009
Follows: 0008
"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op
import state.engine

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def _no_bytes() -> sa.TextClause:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    return sa.text("x''" if is_sqlite else "''")


def upgrade() -> None:
    text = sqlmodel.sql.sqltypes.AutoString
    op.create_table('factor',
    sa.Column('id', text(), nullable=False),
    sa.Column('external_id', text(), nullable=False),
    sa.Column('kind', text(), nullable=False),
    sa.Column('name', text(), nullable=False),
    sa.Column('created_at', state.engine.UtcDateTime(timezone=True), nullable=False),
    sa.Column('used_at', state.engine.UtcDateTime(timezone=True), nullable=True),
    sa.Column('disabled_at', state.engine.UtcDateTime(timezone=True), nullable=True),
    sa.Column('disabled_for', text(), nullable=False),
    sa.Column('failed_count', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_factor'))
    )
    op.create_index(op.f('ix_factor_external_id'), 'factor', ['external_id'], unique=False)
    op.create_table('factor_passkey',
    sa.Column('factor_id', text(), nullable=False),
    sa.Column('credential_id', sa.LargeBinary(), nullable=False),
    sa.Column('public_key', sa.LargeBinary(), nullable=False),
    sa.Column('sign_count', sa.BigInteger(), nullable=False),
    sa.Column('rp_id', text(), nullable=False),
    sa.Column('aaguid', text(), nullable=False),
    sa.Column('transports', text(), nullable=False),
    sa.Column('is_backup_eligible', sa.Boolean(), nullable=False),
    sa.Column('is_backed_up', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['factor_id'], ['factor.id'], name=op.f('fk_factor_passkey_factor_id_factor'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('factor_id', name=op.f('pk_factor_passkey')),
    sa.UniqueConstraint('credential_id', name=op.f('uq_factor_passkey_credential_id'))
    )
    op.create_table('factor_totp_seed',
    sa.Column('factor_id', text(), nullable=False),
    sa.Column('sealed', sa.LargeBinary(), nullable=False),
    sa.Column('last_step', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['factor_id'], ['factor.id'], name=op.f('fk_factor_totp_seed_factor_id_factor'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('factor_id', name=op.f('pk_factor_totp_seed'))
    )
    op.create_table('factor_code',
    sa.Column('mac', sa.LargeBinary(), nullable=False),
    sa.Column('factor_id', text(), nullable=False),
    sa.Column('uses_left', sa.Integer(), nullable=False),
    sa.Column('expires_at', state.engine.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['factor_id'], ['factor.id'], name=op.f('fk_factor_code_factor_id_factor'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('mac', name=op.f('pk_factor_code'))
    )
    op.create_index(op.f('ix_factor_code_factor_id'), 'factor_code', ['factor_id'], unique=False)
    op.create_table('user_standing',
    sa.Column('external_id', text(), nullable=False),
    sa.Column('status', text(), nullable=False),
    sa.Column('since', state.engine.UtcDateTime(timezone=True), nullable=False),
    sa.Column('until', state.engine.UtcDateTime(timezone=True), nullable=True),
    sa.Column('set_by', text(), nullable=False),
    sa.Column('reason', text(), nullable=False),
    sa.PrimaryKeyConstraint('external_id', name=op.f('pk_user_standing'))
    )
    with op.batch_alter_table('key_ring', schema=None) as batch_op:
        batch_op.add_column(sa.Column('data_key', sa.LargeBinary(), nullable=False, server_default=_no_bytes()))
