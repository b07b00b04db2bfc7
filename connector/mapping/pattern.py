"""Regular expressions of mapping files, bounded so that no value can make them run for long."""

from __future__ import annotations

import re

LONGEST_PATTERN = 200
LONGEST_VALUE = 256
MOST_REPETITIONS = 3


def compile_pattern(text: str) -> re.Pattern[str]:
    """Return the pattern, which ignores case.

    >>> bool(compile_pattern(r"svc-.*").fullmatch("SVC-print"))
    True

    Raises:
        ValueError: if it is not well-formed, or could run for long.

    """
    if len(text) > LONGEST_PATTERN:
        message = f"a pattern may have {LONGEST_PATTERN} characters"
        raise ValueError(message)
    try:
        pattern = re.compile(text, re.IGNORECASE)
    except (re.error, OverflowError) as error:
        message = f"the pattern {text!r} is not well-formed: {error}"
        raise ValueError(message) from error
    _refuse_costly(text)
    return pattern


def check_length(value: str) -> str:
    """Return the value if a pattern may look at it.

    Raises:
        ValueError: if it is too long.

    """
    if len(value) > LONGEST_VALUE:
        message = f"a value is longer than the {LONGEST_VALUE} characters that a pattern may see"
        raise ValueError(message)
    return value


def _refuse_costly(text: str) -> None:
    """Refuse what makes time grow faster than a small power of the value's length.

    A group that holds a repetition or a choice must not be repeated itself, and there are at most
    MOST_REPETITIONS without a bound in all.
    """
    signs = _bare_signs(text)
    is_branching = [False]
    unbounded_count = 0
    for sign, following in zip(signs, [*signs[1:], ""], strict=True):
        if sign == "(":
            is_branching.append(False)
        elif sign == ")":
            inner = is_branching.pop()
            if inner and following in {"*", "+", "{"}:
                message = (
                    f"the pattern {text!r} repeats a group that holds a repetition or a choice"
                )
                raise ValueError(message)
            is_branching[-1] = is_branching[-1] or inner
        elif sign in {"*", "+", "{", "|", "?"}:
            is_branching[-1] = True
            unbounded_count += sign in {"*", "+", "{"}
    if unbounded_count > MOST_REPETITIONS:
        message = f"the pattern {text!r} has more than {MOST_REPETITIONS} repetitions"
        raise ValueError(message)


def _bare_signs(text: str) -> list[str]:
    r"""Return the signs that mean something: escapes and sets of characters become a dot.

    >>> "".join(_bare_signs(r"(?:a\+[*)]){2,3}"))
    '(:a..){2,3}'

    """
    plain = re.sub(r"\\.", ".", text, flags=re.DOTALL)
    plain = re.sub(r"\[\^?\]?[^\]]*\]", ".", plain)
    return list(plain.replace("(?", "("))
