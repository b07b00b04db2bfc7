"""The operator of the tests, whose commands are forked, meets what somebody at a shell meets."""

from __future__ import annotations

import pytest

from tests.parts.operator import Operator

pytestmark = pytest.mark.real


@pytest.mark.parametrize(
    ("arguments", "is_refused"),
    [(("status", "--config", "no such  file.toml"), True), (("status", "--help"), False)],
)
def test_a_forked_command_ends_prints_and_says_what_a_process_of_its_own_does(
    tmp_path, arguments, is_refused
):
    operator = Operator(tmp_path)
    process = operator.start(*arguments)
    printed, said = process.communicate(timeout=60)
    assert (process.returncode != 0, printed == "", said != "") == (is_refused,) * 3
    assert not is_refused or "no such  file.toml" in said

    assert operator._fork(arguments) == (process.returncode, printed, said)
