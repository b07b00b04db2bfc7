"""Run by Alembic; the connection comes from `state.migrate`."""

from alembic import context
from sqlmodel import SQLModel

import state.audit
import state.directory
import state.factors
import state.identity
import state.mail
import state.policy
import state.provisioning
import state.signing_keys  # noqa: F401 - the tables register themselves

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
)
context.run_migrations()
