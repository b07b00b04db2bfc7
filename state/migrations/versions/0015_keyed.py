"""sign-ons: tables that are looked up by their key only, kept by it (SQLite)

Revision: 0015
Follows: 0014
"""

from alembic import op

revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None

KEYED = ('session_participant', 'sso_session', 'used_request', 'user_standing')


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    for table in KEYED:
        with op.batch_alter_table(
            table, schema=None, recreate='always', table_kwargs={'sqlite_with_rowid': False}
        ):
            pass
