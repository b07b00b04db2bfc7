"""The one error that the state database raises towards the program."""

from __future__ import annotations


class StateError(Exception):
    """The state database cannot be opened, read or written, or is newer than the program."""
