"""`check --effect`: what the policies of the file would change for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.cli.show import counted, print_json, print_text, utc

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from connector.bootstrap.policy_effect import PolicyEffect
    from connector.cli.context import CommandContext
    from connector.idp.policy.effect import ApplicationEffect

_FIRST = 10
# With one person, and with several.
_WORDS = {
    "asked-more-often": ("will be asked more often", "will be asked more often"),
    "lose-access": ("loses access", "lose access"),
    "gain-access": ("gains access", "gain access"),
    "asked-less-often": ("will be asked less often", "will be asked less often"),
    "must-enrol": ("must enrol a factor", "must enrol a factor"),
}


def print_effect(command: CommandContext, *, as_json: bool) -> int:
    """Print what the file would change for people, compared with the policy in force; return 0.

    Raises:
        ConfigurationError: if the policies of the file are wrong.

    """
    from connector.bootstrap.opening import find_state
    from connector.bootstrap.policy_effect import effect_of
    from connector.clock import SystemClock

    engine = find_state(command.settings)
    if engine is not None:
        command.opened.append(engine)
    found = effect_of(command.settings, engine, SystemClock().now())
    if as_json:
        print_json(_values(found))
    elif found is None:
        print_text(
            "No policy is in force here yet: the daemon notes it when it starts (connector run);"
            " a change after that can be compared."
        )
    else:
        for line in _lines(found):
            print_text(line)
    return 0


def _values(found: PolicyEffect | None) -> dict[str, Any]:
    if found is None:
        return {"in_force_since": None, "address": None, "country": "", "applications": []}
    return {
        "in_force_since": found.since,
        "address": str(found.place.address) if found.place.address else None,
        "country": found.place.country,
        "applications": [
            {"application": one.name}
            | {kind.replace("-", "_"): list(one.people.get(kind, ())) for kind in _WORDS}
            for one in found.applications
        ],
    }


def _lines(found: PolicyEffect) -> Iterator[str]:
    """Yield the whole in one line, then a line for each application and what changes there."""
    everywhere = {
        kind: {name for one in found.applications for name in one.people.get(kind, ())}
        for kind in _WORDS
    }
    summary = ", ".join(_counted(kind, names) for kind, names in everywhere.items() if names)
    yield f"{summary or 'Nothing changes for anybody'}."
    since = utc(found.since)
    yield f"Compared with the policy in force since {since}, for logins {_whence(found)}."
    for one in found.applications:
        yield from _lines_of(one)
    same = [one.name for one in found.applications if not one.people]
    if same and summary:
        yield f"Nothing changes at {', '.join(same)}."


def _lines_of(one: ApplicationEffect) -> Iterator[str]:
    for kind in _WORDS:
        names = one.people.get(kind, ())
        if names:
            first = ", ".join(names[:_FIRST])
            more = f" and {len(names) - _FIRST} more" if len(names) > _FIRST else ""
            yield f"{one.name}: {_counted(kind, names)}: {first}{more}"


def _counted(kind: str, names: Collection[str]) -> str:
    singular, plural = _WORDS[kind]
    people = counted(len(names), "person", "people")
    return f"{people} {singular if len(names) == 1 else plural}"


def _whence(found: PolicyEffect) -> str:
    where = f"from {found.place.address}" if found.place.address else "from nowhere in particular"
    known = ", which a list of networks names" if found.is_named else ", outside all named networks"
    return f"by password {where}{known}"
