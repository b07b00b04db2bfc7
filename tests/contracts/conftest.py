"""Fixtures of the contract suites."""

from __future__ import annotations

from tests.parts.scim_fixtures import mimecast

__all__ = ["mimecast"]
