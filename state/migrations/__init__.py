"""Alembic revisions: one a step, never edited after a release."""
