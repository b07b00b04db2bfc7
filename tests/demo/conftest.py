"""Fixtures of the demo's tests."""

from __future__ import annotations

from tests.parts.scim_fixtures import mimecast, scim2_server

__all__ = ["mimecast", "scim2_server"]
