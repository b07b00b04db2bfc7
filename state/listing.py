"""A column of many rows as one value, so that a statement brings a row and what belongs to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

if TYPE_CHECKING:
    from sqlalchemy.sql.compiler import SQLCompiler


class listed(FunctionElement[str]):  # noqa: N801 - as SQLAlchemy names functions
    """The values of a column of text as a JSON array, in no order; "[]" for none.

    Unlike text with something between the values it cannot be misread, whatever they hold.
    """

    type = Text()
    inherit_cache = True


@compiles(listed, "sqlite")
def _on_sqlite(element: listed, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_group_array({compiler.process(element.clauses, **options)})"


@compiles(listed, "postgresql")
def _on_postgresql(element: listed, compiler: SQLCompiler, **options: Any) -> str:
    return f"coalesce(json_agg({compiler.process(element.clauses, **options)}), '[]')::text"
