"""Templates in mapping files: Jinja2 in its sandbox, for expressions only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2 import StrictUndefined, TemplateError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LONGEST_TEMPLATE = 500
LONGEST_RESULT = 2000

# Statements that can loop or load, and operators that can blow a short text up.
_FORBIDDEN = (nodes.For, nodes.Macro, nodes.Include, nodes.Import, nodes.Extends, nodes.Call)
_COSTLY = (nodes.Mul, nodes.Pow)
_FILTERS = frozenset(
    {"lower", "upper", "title", "capitalize", "trim", "replace", "default", "first", "last"}
)


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
    environment.filters = {
        name: environment.filters[name] for name in sorted(_FILTERS) if name in environment.filters
    }
    environment.globals.clear()
    return environment


def compile_template(text: str) -> Callable[[Mapping[str, str]], str | None]:
    """Return what renders a template from attribute values by name; None if one is missing.

    >>> compile_template("{{ givenname }} {{ sn | upper }}")({"givenname": "Anna", "sn": "Berg"})
    'Anna BERG'

    Raises:
        ValueError: if the template is too long, not well-formed, or does more than it may.

    """
    if len(text) > LONGEST_TEMPLATE:
        message = f"a template may have {LONGEST_TEMPLATE} characters"
        raise ValueError(message)
    environment = _environment()
    try:
        tree = environment.parse(text)
        template = environment.from_string(text)
    except TemplateError as error:
        message = f"not a usable template: {error}"
        raise ValueError(message) from error
    for forbidden in (*_FORBIDDEN, *_COSTLY):
        if any(tree.find_all(forbidden)):
            message = f"a template may not use {forbidden.__name__.lower()}"
            raise ValueError(message)

    def render(values: Mapping[str, str]) -> str | None:
        try:
            return template.render(values)[:LONGEST_RESULT].strip() or None
        except TemplateError:
            return None

    return render


def names_in(text: str) -> frozenset[str]:
    """Return the attribute names that a template uses."""
    tree = _environment().parse(text)
    return frozenset(node.name for node in tree.find_all(nodes.Name))
