"""`user`: where somebody is signed on, and the end of it; and a sync that ends it by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from connector.audit import Audit, AuditEvent
from connector.directory.search import DirectorySearch
from connector.idp.session import Participant, SsoSession
from connector.idp.store.sign_ons import Ending, SignOnStore
from state.engine import open_engine
from tests.cli.shell import IDP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from tests.cli.shell import Shell
    from tests.parts.scim_server import Simulator

ANNA = "anna@corp.example"
SP_METADATA = """\
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://intra.corp.example/sp">
  <md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <md:SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:SOAP"
      Location="https://127.0.0.1:9/slo"/>
    <md:AssertionConsumerService index="0" Location="https://intra.corp.example/acs"
      Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"/>
  </md:SPSSODescriptor>
</md:EntityDescriptor>
"""
INTRANET = '[[application]]\nname = "Intranet"\nmetadata = "sp.xml"\ngroups = "*"\n'


@pytest.fixture
def desk(shell: Shell, mimecast: Simulator) -> Shell:
    """A shell beside a small company, read once, with two applications."""
    (shell.folder / "sp.xml").write_text(SP_METADATA)
    shell.set_up(mimecast, "", IDP + INTRANET)
    assert shell.say("sync").code == 0
    return shell


@pytest.fixture
def engine(desk: Shell) -> Iterator[Engine]:
    engine = open_engine(f"sqlite:///{desk.folder}/state.db")
    yield engine
    engine.dispose()


def sign_in(engine: Engine, email: str = ANNA, *slugs: str) -> str:
    """Keep that somebody is signed on, and whom that was told; return who."""
    (person,) = DirectorySearch(engine).people(email)
    now = datetime.now(UTC)
    expires_at = now + timedelta(hours=12)
    digest, index = email.encode().ljust(32), f"_{email}"
    session = SsoSession(
        digest, index, person.external_id, email, "192.0.2.7", now, now, expires_at
    )
    store = SignOnStore(engine)
    event = AuditEvent(now, "login.succeeded", "success")
    store.answer(Ending(now, event, begins=session))
    for slug in slugs or ("intranet", "mimecast-personal-portal"):
        told = Participant(
            index, slug, f"urn:{slug}", person.external_id, email, "urn:x", index, now, expires_at
        )
        store.answer(Ending(now, event, uses=digest, tells=told))
    return person.external_id


def test_sign_ons_are_listed_with_the_applications_that_know_of_them(desk, engine):
    sign_in(engine)

    said = desk.say("user", "sessions", ANNA)
    values = desk.say("user", "sessions", ANNA, "--json").values

    assert "192.0.2.7" in said.output
    assert "intranet" in said.output
    assert [each["address"] for each in values["sessions"]] == ["192.0.2.7"]
    assert {each["application"]: each["can_be_told"] for each in values["applications"]} == {
        "intranet": "soap",
        "mimecast-personal-portal": "none",
    }


def test_who_is_not_signed_on_is_said(desk):
    assert desk.say("user", "sessions", ANNA).output == "No sign-on lets them in now.\n"


def test_revoking_says_who_answered_and_ends_with_4_if_not_all_did(desk, engine):
    sign_in(engine)

    said = desk.say("user", "revoke", ANNA)

    assert said.code == 4
    lines = said.output.splitlines()
    assert lines[0] == "1 sign-on ended."
    assert "did not answer" in next(line for line in lines if line.startswith("Intranet"))
    assert "cannot be told by servers" in said.output
    assert desk.say("user", "sessions", ANNA, "--json").values["sessions"] == []
    # They are told again; the list says when.
    signed_off = desk.say("user", "sessions", ANNA, "--json").values["signed_off"]
    again = {each["application"]: each["told_again_at"] for each in signed_off}
    assert again["Intranet"]
    assert again["Mimecast Personal Portal"] is None


def test_revoking_where_there_is_nothing_is_fine(desk):
    said = desk.say("user", "revoke", ANNA, "--json")

    assert (said.code, said.values["sessions_ended"], said.values["applications"]) == (0, 0, [])


def test_the_audit_says_who_revoked(desk, engine):
    external_id = sign_in(engine)

    desk.say("user", "revoke", ANNA)

    events = Audit(engine).recent(actor=external_id)
    ended = next(event for event in events if event.event == "session.ended")
    assert ended.details["cause"] == "help-desk"
    assert ended.details["by"]


def test_nobody_by_that_name_is_said_with_the_nearest(desk):
    said = desk.say("user", "revoke", "ana@corp.example")

    assert said.code == 1
    assert "nobody in the directory goes by ana@corp.example; the nearest names:" in said.errors
    assert ANNA in said.errors


def test_a_sync_signs_off_whoever_is_disabled(desk, engine):
    external_id = sign_in(engine)
    sign_in(engine, "ben@corp.example")
    desk.edit('login = "anna"', 'login = "anna"\ndisabled = true')

    assert desk.say("sync").code == 0

    assert SignOnStore(engine).sessions_of(external_id) == ()
    assert desk.say("user", "sessions", "ben@corp.example", "--json").values["sessions"]
    signed_off = desk.say("user", "sessions", ANNA, "--json").values["signed_off"]
    assert {each["cause"] for each in signed_off} == {"leaver"}
    events = Audit(engine).recent(actor=external_id)
    ended = next(event for event in events if event.event == "session.ended")
    assert float(ended.details["seconds"]) < 60


def test_a_sync_signs_off_whoever_left_the_group_of_an_application(desk, engine):
    external_id = sign_in(engine)
    desk.edit('groups = ["Sales"]', 'groups = ["Staff"]')

    desk.say("sync")

    assert len(SignOnStore(engine).sessions_of(external_id)) == 1
    left = desk.say("user", "sessions", ANNA, "--json").values["applications"]
    assert [each["application"] for each in left] == ["intranet"]


def test_a_plan_signs_nobody_off(desk, engine):
    external_id = sign_in(engine)
    desk.edit('login = "anna"', 'login = "anna"\ndisabled = true')

    desk.say("plan")

    assert len(SignOnStore(engine).sessions_of(external_id)) == 1


def test_what_goes_wrong_with_signing_off_stops_no_sync_and_is_in_the_audit(desk, engine):
    desk.say("app", "list")  # makes the keys
    key = desk.folder / "keys" / "seal-key"
    key.chmod(0o644)
    desk.edit('login = "anna"', 'login = "anna"\ndisabled = true')

    said = desk.say("sync")

    assert said.code == 0
    assert "sign_off.failed" in said.errors
    failed = next(event for event in Audit(engine).recent() if event.event == "sign_off.failed")
    assert "others can read it" in failed.details["message"]
