"""attempts: when each stops to count

Revision: 0013
Follows: 0012
"""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op
import state.engine

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = state.engine.UtcDateTime(timezone=True)
    # Those of before count for as long as they could have at the most, by the usual window.
    until = (datetime.now(UTC) + timedelta(minutes=31)).replace(tzinfo=None)
    default = until.isoformat(" ", "microseconds")
    if op.get_bind().dialect.name != "sqlite":
        default += "+00:00"
    with op.batch_alter_table('password_attempt', schema=None) as batch_op:
        batch_op.add_column(sa.Column('expires_at', moment, nullable=False, server_default=default))
        batch_op.create_index(batch_op.f('ix_password_attempt_expires_at'), ['expires_at'], unique=False)
