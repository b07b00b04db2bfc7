"""The errors that the state database raises towards the program."""

from __future__ import annotations


class StateError(Exception):
    """The state database cannot be opened, read or written, or is newer than the program."""


class StateBusy(StateError):
    """Somebody else writes, and whoever asked does not wait, or has waited long enough."""
