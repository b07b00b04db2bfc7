"""Find and open what is on the disk: the state database, mappings, metadata of others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from connector.errors import ConfigurationError, Fault
from connector.mapping.load import shipped_folder
from state.engine import open_engine
from state.errors import StateError
from state.migrate import is_new, pending, upgrade

if TYPE_CHECKING:
    from connector.settings import IdpSettings, Settings
    from state.engine import Engine


def idp_of(settings: Settings) -> IdpSettings:
    """Return the settings of the identity provider.

    Raises:
        ConfigurationError: if there are none.

    """
    if settings.idp is None:
        raise ConfigurationError([Fault("connector.toml", "idp", "is missing")])
    return settings.idp


def metadata_folder(settings: Settings) -> Path:
    """Return where copies of the metadata of others are kept: beside the folder of keys."""
    return idp_of(settings).keys.parent / "metadata"


def mapping_folders(settings: Settings) -> tuple[Path, ...]:
    """Return where mapping files are looked for: the operator's folder, then ours."""
    return (settings.mappings, shipped_folder())


def open_state(settings: Settings, *, survives_power_loss: bool = True) -> Engine:
    """Return the state database; an empty one gets its tables, an old one is not touched.

    Args:
        settings: Say where it is.
        survives_power_loss: See `state.engine.open_engine`.

    Raises:
        StateError: if it cannot be used, or must be upgraded first.

    """
    engine = open_engine(settings.state.url, survives_power_loss=survives_power_loss)
    try:
        is_pending = pending(engine)
    except StateError as error:
        message = f"{error} ({engine.url.render_as_string(hide_password=True)})"
        raise StateError(message) from error
    if is_pending:
        if not is_new(engine):
            message = "the state database is of an older program; run: connector db upgrade"
            raise StateError(message)
        upgrade(engine)
    return engine


def find_state(settings: Settings) -> Engine | None:
    """Return the state database if there is one with our tables; nothing is made.

    Raises:
        StateError: if it cannot be used, or must be upgraded first.

    """
    engine = open_engine(settings.state.url)
    if engine.dialect.name == "sqlite" and not Path(engine.url.database or "").exists():
        return None
    return None if is_new(engine) else open_state(settings)


def lock_path(engine: Engine) -> Path:
    """Return the lock of cycles: beside the SQLite file, or in the working folder."""
    database = engine.url.database if engine.dialect.name == "sqlite" else None
    return Path(f"{database}.lock" if database else "connector.lock")
