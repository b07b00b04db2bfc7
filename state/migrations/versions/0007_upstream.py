"""upstream: what other identity providers are asked, what they say, and whose word a sign-on is

Revision: 0007
Follows: 0006
"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op
import state.engine

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None

PASSWORD = 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport'


def _no_bytes() -> sa.TextClause:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    return sa.text("x''" if is_sqlite else "''")


def upgrade() -> None:
    text = sqlmodel.sql.sqltypes.AutoString
    op.create_table('upstream_request',
    sa.Column('relay_state', text(), nullable=False),
    sa.Column('request_id', text(), nullable=False),
    sa.Column('transaction_id', text(), nullable=False),
    sa.Column('upstream', text(), nullable=False),
    sa.Column('is_forced', sa.Boolean(), nullable=False),
    sa.Column('sent_at', state.engine.UtcDateTime(timezone=True), nullable=False),
    sa.Column('expires_at', state.engine.UtcDateTime(timezone=True), nullable=False),
    sa.Column('answered_at', state.engine.UtcDateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('relay_state', name=op.f('pk_upstream_request'))
    )
    op.create_index(op.f('ix_upstream_request_expires_at'), 'upstream_request', ['expires_at'], unique=False)
    op.create_table('used_assertion',
    sa.Column('issuer', text(), nullable=False),
    sa.Column('assertion_id', text(), nullable=False),
    sa.Column('expires_at', state.engine.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('issuer', 'assertion_id', name=op.f('pk_used_assertion'))
    )
    op.create_index(op.f('ix_used_assertion_expires_at'), 'used_assertion', ['expires_at'], unique=False)
    with op.batch_alter_table('login_transaction', schema=None) as batch_op:
        batch_op.add_column(sa.Column('sent_to', text(), nullable=False, server_default=''))
        batch_op.add_column(sa.Column('vouched', sa.LargeBinary(), nullable=False, server_default=_no_bytes()))
    # Whoever is signed in by now gave a password.
    with op.batch_alter_table('sso_session', schema=None) as batch_op:
        batch_op.add_column(sa.Column('source', text(), nullable=False, server_default='ad'))
        batch_op.add_column(sa.Column('context_class', text(), nullable=False, server_default=PASSWORD))
        batch_op.add_column(sa.Column('authority', text(), nullable=False, server_default=''))
