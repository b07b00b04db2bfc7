"""What the daemon says of its signing keys: in the log at its start, and in its numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from connector.idp.keys.algorithm import KeyAlgorithm
from connector.idp.keys.certificate import LIFETIME, KeyPair, make_pair
from tests.cli.shell import IDP
from tests.idp.test_certificate import pem_of
from tests.parts.identity_provider import free_port
from tests.parts.operator import FILE_SOURCE, Operator
from tests.parts.service import PATIENCE, serving

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real

COMPANY = 'domain = "corp.example"\n[[person]]\nlogin = "ann"\n'
OPERATIONS = '[operations]\nlisten = "127.0.0.1:{port}"\n[schedule]\nevery = "1h"\n'


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    (tmp_path / "company.toml").write_text(COMPANY)
    return Operator(tmp_path)


def configure(operator: Operator) -> tuple[int, int]:
    """Write a configuration; return the ports of the operations listener and the sign-on."""
    operations, sign_on = free_port(), free_port()
    operator.configure(
        FILE_SOURCE.format(file="company.toml"),
        OPERATIONS.format(port=operations),
        IDP.replace('127.0.0.1:0"', f'127.0.0.1:{sign_on}"\nworkers = 1'),
    )
    return operations, sign_on


def keep_in_file(folder: Path, pair: KeyPair) -> None:
    """Leave a key as earlier releases kept it."""
    (folder / "keys").mkdir(mode=0o700)
    file = folder / "keys" / "signing-active.pem"
    file.touch(mode=0o600)
    file.write_bytes(pem_of(pair.private_key) + pair.certificate.public_bytes(Encoding.PEM))


def test_a_key_of_a_file_is_taken_over_at_the_start_with_what_is_to_be_done(operator: Operator):
    operations, sign_on = configure(operator)
    soon = datetime.now(UTC) + timedelta(days=30)
    pair = make_pair(KeyAlgorithm.RSA_2048, soon - LIFETIME)
    keep_in_file(operator.folder, pair)

    with serving(operator.start("run"), operations) as service:
        taken = service.wait_for("key.taken_over")
        assert taken["key"] == pair.fingerprint[:12]
        assert "keys/signing-active.pem is not read any more and can be removed" in taken["reason"]
        assert service.wait_for("key.file_left")["level"] == "warning"
        ends = service.wait_for("key.ends")
        assert ends["reason"].endswith("in 29 days; next: connector key stage")
        numbers = service.get("/metrics").text
        labels = f'{{key="{pair.fingerprint[:12]}",state="active"}}'
        name = "connector_signing_key_not_after_timestamp_seconds"
        assert f"\n{name}{labels} {int(soon.timestamp())}\n" in numbers
        metadata = f"http://127.0.0.1:{sign_on}/saml/metadata/mimecast-personal-portal"
        assert httpx.get(metadata, timeout=PATIENCE).status_code == 200
        (listed,) = operator.run_json("key", "list")
        assert listed["seen"]["mimecast-personal-portal"]["address"] == "127.0.0.1"
        assert service.end() == 0

    (operator.folder / "keys" / "signing-active.pem").unlink()
    operations, _ = configure(operator)
    with serving(operator.start("run"), operations) as service:
        service.wait_for("key.ends")
        assert service.end() == 0
    assert not service.told("key.file_left")
    assert not service.told("key.taken_over")


def test_a_lasting_key_is_not_spoken_of(operator: Operator):
    operations, _ = configure(operator)

    with serving(operator.start("run"), operations) as service:
        service.wait_for("cycle.ended")
        assert service.end() == 0

    assert [event for event in service.events() if event.startswith("key.")] == ["key.made"]


def test_a_wrong_sealing_key_is_said_in_one_line_and_nothing_listens(operator: Operator):
    configure(operator)
    operator.run("key", "list")
    (operator.folder / "keys" / "seal-key").write_text("33" * 32)

    errors = operator.fail("run")

    (line,) = errors.splitlines()
    assert line.startswith("error: the sealing key (file ")
    assert line.endswith("connector key retire --lost")
