"""The daemon notes by which policy logins go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.shell import IDP
from tests.parts.identity_provider import free_port
from tests.parts.operator import FILE_SOURCE, Operator
from tests.parts.service import serving

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real

COMPANY = """\
domain = "corp.example"
[[person]]
login = "ann"
groups = ["Sales"]
[[group]]
name = "Sales"
"""
OPERATIONS = '[operations]\nlisten = "127.0.0.1:{port}"\n[schedule]\nevery = "1h"\n'


def configure(operator: Operator, operations: int, policy: str) -> None:
    operator.configure(
        FILE_SOURCE.format(file="company.toml"),
        OPERATIONS.format(port=operations),
        IDP.replace('127.0.0.1:0"', f'127.0.0.1:{free_port()}"\nworkers = 1'),
        policy,
    )


def effects(operator: Operator) -> dict[str, list[str]]:
    (application,) = operator.run_json("check", "--effect")["applications"]
    return {key: names for key, names in application.items() if names and key != "application"}


def test_what_it_started_with_is_in_force_until_it_starts_with_something_else(tmp_path: Path):
    (tmp_path / "company.toml").write_text(COMPANY)
    operator, operations = Operator(tmp_path), free_port()
    configure(operator, operations, "")

    with serving(operator.start("run"), operations) as service:
        service.wait_for("policy.taken_up")
        service.wait_for("cycle.ended")
        assert effects(operator) == {}
        configure(operator, operations, "[policy]\n")
        ann = ["ann@corp.example"]
        assert effects(operator) == {"asked_more_often": ann, "must_enrol": ann}
        assert service.end() == 0

    with serving(operator.start("run"), operations) as service:
        service.wait_for("policy.taken_up")
        assert effects(operator) == {}
        assert service.end() == 0
