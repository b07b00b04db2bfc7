"""reads of changes: revisions, and up to which of them a target is in step

Revision: 0004
Follows: 0003
"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op
import state.engine

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def _no_bytes() -> sa.TextClause:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    return sa.text("x''" if is_sqlite else "''")


def upgrade() -> None:
    no_creation = sa.text("kind <> 'create'")
    within_a_day = ['target', 'kind', 'answered_at', 'status', 'is_approved', 'resource_type', 'external_id', 'removed_count']
    in_doubt = sa.text("status IN ('sent', 'unknown')")
    op.drop_index('ix_operation_target_status', table_name='operation')
    op.create_index('ix_operation_in_doubt', 'operation', ['target'], unique=False, sqlite_where=in_doubt, postgresql_where=in_doubt)
    op.drop_index('ix_operation_target_kind_answered_at', table_name='operation')
    op.create_index('ix_operation_within_a_day', 'operation', within_a_day, unique=False, sqlite_where=no_creation, postgresql_where=no_creation)
    op.drop_index('ix_target_link_member_target_member_id', table_name='target_link_member')
    op.create_index('ix_target_link_member_target_member_id', 'target_link_member', ['target', 'member_id', 'group_id'], unique=False)
    op.create_table('target_settled',
    sa.Column('target', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('fingerprint', sa.LargeBinary(), nullable=False),
    sa.Column('settled_at', state.engine.UtcDateTime(timezone=True), nullable=False),
    sa.Column('whole_at', state.engine.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('target', name=op.f('pk_target_settled'))
    )
    with op.batch_alter_table('directory_user', schema=None) as batch_op:
        batch_op.add_column(sa.Column('revision', sa.Integer(), nullable=False, server_default='0'))
        batch_op.create_index(batch_op.f('ix_directory_user_revision'), ['revision'], unique=False)
        leavers = sa.text('left_at IS NOT NULL')
        batch_op.create_index('ix_directory_user_left_at', ['left_at'], unique=False, sqlite_where=leavers, postgresql_where=leavers)
        batch_op.create_index(batch_op.f('ix_directory_user_expires_at'), ['expires_at'], unique=False)

    with op.batch_alter_table('directory_watermark', schema=None) as batch_op:
        batch_op.add_column(sa.Column('cookie', sa.LargeBinary(), nullable=False, server_default=_no_bytes()))
        batch_op.add_column(sa.Column('revision', sa.Integer(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('full_read_at', state.engine.UtcDateTime(timezone=True), nullable=True))

    with op.batch_alter_table('target_link', schema=None) as batch_op:
        batch_op.add_column(sa.Column('name_folded', sqlmodel.sql.sqltypes.AutoString(), nullable=False, server_default=''))
        batch_op.create_index('ix_target_link_target_name_folded', ['target', 'name_folded'], unique=False)
        unsettled = sa.text('length(digest) < 16')
        batch_op.create_index('ix_target_link_unsettled', ['target', 'digest'], unique=False, sqlite_where=unsettled, postgresql_where=unsettled)
    _fold_names()


def _fold_names() -> None:
    """Fold the names that are there; databases fold by rules of their own."""
    keys = ("target", "resource_type", "external_id")
    columns = [sa.column(name, sa.String) for name in (*keys, "name", "name_folded")]
    links = sa.table('target_link', *columns)
    connection = op.get_bind()
    rows = connection.execute(sa.select(*(links.c[key] for key in keys), links.c.name)).all()
    folded = [{"folded": name.casefold(), **{f"own_{key}": value for key, value in zip(keys, own)}} for *own, name in rows]
    if folded:
        own = [links.c[key] == sa.bindparam(f"own_{key}") for key in keys]
        connection.execute(sa.update(links).where(*own).values(name_folded=sa.bindparam("folded")), folded)
