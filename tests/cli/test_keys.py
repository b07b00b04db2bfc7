"""`key`: by what we sign, who has seen the next one, and how one gives way to another."""

from __future__ import annotations

import io
import os
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from cryptography import x509

from connector.audit import Audit
from connector.bootstrap.keys import open_keys
from connector.clock import SystemClock
from connector.idp.authenticator.totp import TotpFactor
from connector.idp.store.factors import FactorStore
from connector.idp.store.signing_keys import SigningKeyStore
from connector.idp.store.totp_seeds import TotpSeedStore
from connector.settings import load_settings
from state.engine import open_engine
from tests.cli.shell import IDP
from tests.idp.bench import KEYS
from tests.idp.factors.subject import code_of
from tests.idp.test_certificate import P256, certificate_for, pem_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

    from connector.idp.keys.seal import Seal
    from tests.cli.shell import Said, Shell
    from tests.parts.scim_server import Simulator

WIKI = """
[[application]]
name = "Wiki"
metadata = "sp.xml"
groups = "*"
"""
METADATA = """\
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://wiki.corp.example/sp">
  <md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <md:AssertionConsumerService index="0" Location="https://wiki.corp.example/acs"
      Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"/>
  </md:SPSSODescriptor>
</md:EntityDescriptor>
"""
PORTAL = "mimecast-personal-portal"


@pytest.fixture
def desk(shell: Shell, mimecast: Simulator) -> Shell:
    shell.set_up(mimecast, "", IDP, WIKI)
    (shell.folder / "sp.xml").write_text(METADATA)
    return shell


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch):
    """Type an answer beforehand."""
    return lambda text: monkeypatch.setattr("sys.stdin", io.StringIO(text))


def engine_of(desk: Shell) -> Engine:
    return open_engine(f"sqlite:///{desk.folder}/state.db")


def store_of(desk: Shell) -> SigningKeyStore:
    return SigningKeyStore(engine_of(desk))


def keys_of(desk: Shell, *options: str) -> list[dict[str, Any]]:
    return desk.say("key", "list", "--json", *options).values


def staged(desk: Shell, *options: str) -> dict[str, Any]:
    """Stage a key on a curve, which is fast; return it as it is listed."""
    said = desk.say("key", "stage", "--algorithm", "ecdsa-p256", *options)
    assert said.code == 0, said.errors
    return next(one for one in keys_of(desk) if one["state"] == "staged")


def show_to(desk: Shell, key: dict[str, Any], *slugs: str) -> None:
    """Have applications fetch our metadata, as the daemon records it."""
    for slug in slugs:
        now = datetime.now(UTC)
        store_of(desk).record_fetch(slug, [key["sha256"]], "192.0.2.7", now)


def details_of(desk: Shell, event: str) -> list[dict[str, Any]]:
    events = Audit(engine_of(desk)).recent()
    return [dict(one.details) for one in events if one.event == event]


def words(said: Said) -> str:
    return " ".join(said.output.split())


def test_the_first_key_is_made_when_it_is_first_asked_for(desk: Shell):
    (key,) = keys_of(desk)

    assert (key["state"], key["algorithm"]) == ("active", "rsa-2048")
    assert key["signs_for"] == [PORTAL, "wiki"]
    assert key["id"] == key["sha256"][:12]
    listed = desk.say("key", "list").output.splitlines()
    assert listed[1].split() == [key["id"], "active", "rsa-2048", key["not_after"][:10], "2", "applications"]  # fmt: skip
    (made,) = details_of(desk, "key.made")
    assert (made["key"], made["by"]) == (key["sha256"], "root" if os.getuid() == 0 else made["by"])


def test_a_staged_key_is_listed_with_who_has_seen_it(desk: Shell):
    key = staged(desk)
    show_to(desk, key, "wiki")

    text = desk.say("key", "list").output

    lines = {line.split("  ")[0]: " ".join(line.split()) for line in text.splitlines()}
    active = keys_of(desk)[0]["id"]
    assert re.fullmatch(rf"Wiki {active} \d s ago by 192\.0\.2\.7", lines["Wiki"])
    assert lines["Mimecast Personal Portal"] == (
        f"Mimecast Personal Portal {active} never: paste the certificate there, or activate for it later"
    )
    listed = next(one for one in keys_of(desk) if one["state"] == "staged")
    assert listed["seen"][PORTAL] is None
    assert listed["seen"]["wiki"]["address"] == "192.0.2.7"
    assert listed["signs_for"] == []


def test_staging_says_where_each_application_fetches_it(desk: Shell):
    said = desk.say("key", "stage", "--algorithm", "ecdsa-p384")

    assert f"Mimecast Personal Portal https://sso.corp.example/saml/metadata/{PORTAL}" in words(
        said
    )
    assert "Wiki https://sso.corp.example/saml/metadata/wiki" in words(said)
    assert "Not every application takes ECDSA" in said.output
    key = next(one for one in keys_of(desk) if one["state"] == "staged")
    assert f"Staged {key['id']} (ecdsa-p384), good until {key['not_after'][:10]}." in said.output
    assert details_of(desk, "key.staged")[0]["key"] == key["sha256"]


def test_the_next_key_is_of_the_kind_of_the_active_one_unless_said(desk: Shell):
    desk.say("key", "stage")

    assert [one["algorithm"] for one in keys_of(desk)] == ["rsa-2048", "rsa-2048"]


def test_a_key_is_shown_with_the_certificate_to_paste(desk: Shell):
    key = staged(desk)
    show_to(desk, key, "wiki", "")

    text = desk.say("key", "show", key["id"]).output
    pem = desk.say("key", "show", key["id"][:6], "--pem").output
    values = desk.say("key", "show", key["sha256"].upper(), "--json").values

    assert f"  SHA-256:      {key['sha256'][:2].upper()}:" in text
    assert "  Signs for:    nobody\n" in text
    assert text.endswith(pem)
    assert values["certificate"] == pem
    assert values["sha256"] == key["sha256"]
    certificate = x509.load_pem_x509_certificate(pem.encode())
    assert certificate.subject.rfc4514_string() == "CN=connector SAML signing"
    assert "The metadata URL without a name was fetched" in text
    assert desk.say("key", "show", "0000").errors.startswith("error: no signing key is called 0000")


def test_an_application_shows_the_certificate_it_has_and_the_one_to_come(desk: Shell):
    key = staged(desk)

    text = desk.say("app", "show", "wiki").output

    assert re.search(rf"^Next certificate {key['id']}, staged \d s ago:$", text, re.MULTILINE)
    assert "  Seen there:   never: paste the certificate there" in text
    show_to(desk, key, "wiki")
    seen = desk.say("app", "show", "wiki").output
    assert re.search(r"^  Seen there:   \d s ago by 192.0.2.7$", seen, re.MULTILINE)
    values = desk.say("app", "show", "wiki", "--json").values
    assert [one["sha256"] for one in values["next_keys"]] == [key["sha256"]]
    desk.say("key", "activate", "--app", "wiki")
    pasted = "".join(desk.say("key", "show", key["id"], "--pem").output.splitlines()[1:-1])
    assert desk.say("app", "show", "wiki", "--json").values["certificate"] == pasted
    assert desk.say("app", "show", PORTAL, "--json").values["certificate"] != pasted


def test_a_key_is_activated_for_one_application_without_a_question_if_it_has_seen_it(desk: Shell):
    key = staged(desk)
    show_to(desk, key, "wiki")

    said = desk.say("key", "activate", "--app", "Wiki")

    assert (said.code, said.errors) == (0, "")
    assert said.output == (
        f"{key['id']} signs for Wiki within a few seconds.\n"
        f"For the other applications: connector key activate {key['id']}\n"
    )
    assert {one["state"]: one["signs_for"] for one in keys_of(desk)} == {
        "active": [PORTAL],
        "staged": ["wiki"],
    }
    (details,) = details_of(desk, "key.activated")
    assert (details["key"], details["applications"]) == (key["sha256"], ["wiki"])
    assert details["by"]


def test_applications_that_have_not_seen_it_are_named_before_anything_changes(desk: Shell, answers):
    key = staged(desk)
    show_to(desk, key, "wiki")

    answers("n\n")
    refused = desk.say("key", "activate")
    assert refused.code == 130
    assert f"These have not fetched our metadata since {key['id']} was staged:" in refused.errors
    assert f"  Mimecast Personal Portal ({PORTAL})\n" in refused.errors
    assert "Wiki" not in refused.errors
    assert {one["state"] for one in keys_of(desk)} == {"active", "staged"}
    answers("")
    assert desk.say("key", "activate").code == 130

    answers("y\n")
    assert desk.say("key", "activate").code == 0
    assert {one["state"]: one["sha256"] for one in keys_of(desk)}["active"] == key["sha256"]


def test_all_are_switched_at_once_and_the_former_key_is_still_shown(desk: Shell):
    former, key = keys_of(desk)[0], staged(desk)

    said = desk.say("key", "activate", "--yes")

    assert said.output == (
        f"{key['id']} signs for every application within a few seconds.\n"
        f"In some minutes, to end the change: connector key retire {former['id']}\n"
    )
    assert {one["id"]: one["state"] for one in keys_of(desk)} == {
        key["id"]: "active",
        former["id"]: "outgoing",
    }


def test_all_but_some_are_switched(desk: Shell):
    former, key = keys_of(desk)[0], staged(desk)

    desk.say("key", "activate", "--except", PORTAL, "--yes")

    assert {one["id"]: one["signs_for"] for one in keys_of(desk)} == {
        key["id"]: ["wiki"],
        former["id"]: [PORTAL],
    }
    refused = desk.say("key", "retire", former["id"], "--now")
    assert refused.errors.startswith(f"error: the key {former['id']} still signs for {PORTAL}; ")


def test_one_goes_back_by_naming_the_former_key(desk: Shell):
    former, key = keys_of(desk)[0], staged(desk)
    desk.say("key", "activate", "--yes")

    assert desk.say("key", "activate", former["id"], "--yes").code == 0

    assert {one["id"]: one["state"] for one in keys_of(desk)} == {
        former["id"]: "active",
        key["id"]: "outgoing",
    }


def test_a_key_is_retired_when_nothing_it_signed_is_under_way_and_its_private_half_is_gone(
    desk: Shell,
):
    former, _ = keys_of(desk)[0], staged(desk)
    with time_machine.travel(datetime.now(UTC) - timedelta(minutes=4), tick=True):
        desk.say("key", "activate", "--yes")

    waits = desk.say("key", "retire", former["id"])
    assert waits.code == 1
    assert "may be under way until" in waits.errors
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=2), tick=True):
        assert desk.say("key", "retire", former["id"]).code == 0

    assert [one["id"] for one in keys_of(desk)] != [former["id"]]
    assert len(keys_of(desk)) == 1
    retired = next(one for one in keys_of(desk, "--all") if one["state"] == "retired")
    assert retired["id"] == former["id"]
    kept = next(one for one in store_of(desk).load().keys if one.fingerprint == former["sha256"])
    assert kept.sealed == b""
    assert details_of(desk, "key.retired")[0]["key"] == former["sha256"]


@pytest.mark.parametrize(
    ("command", "errors"),
    [
        (("activate",), "error: no key is staged; make the next one: connector key stage"),
        (("activate", "ffff"), "error: no signing key is called ffff; there are: "),
        (
            ("activate", "--app", "nope"),
            "error: no application is called nope; there are: mimecast-personal-portal, wiki\n",
        ),
        (("retire", "ACTIVE"), "is the active one; activate another first"),
        (("import", "nope.pem"), "error: nope.pem: No such file"),
        (("import", "open.pem"), "error: open.pem: others can read it; do: chmod 600"),
        (("import", "text.pem"), "error: text.pem: holds no key and certificate in PEM"),
    ],
)
def test_what_cannot_be_done_is_said(desk: Shell, command: tuple[str, ...], errors: str):
    (active,) = keys_of(desk)
    for name, mode in (("open.pem", 0o644), ("text.pem", 0o600)):
        (desk.folder / name).write_text("text")
        (desk.folder / name).chmod(mode)

    said = desk.say("key", *(active["id"] if one == "ACTIVE" else one for one in command))

    assert said.code == 1
    assert errors in said.errors
    assert keys_of(desk) == [active]


@pytest.mark.parametrize(
    "command",
    [("activate", "--app", "wiki", "--except", PORTAL), ("retire",), ("retire", "3f2a", "--lost"),
     ("stage", "--algorithm", "dsa")],
)  # fmt: skip
def test_what_is_typed_wrongly_is_said(desk: Shell, command: tuple[str, ...]):
    assert desk.say("key", *command).code == 2


def test_a_key_of_ones_own_is_staged(desk: Shell):
    keys_of(desk)
    file = desk.folder / "own.pem"
    file.write_bytes(certificate_for(P256, digital_signature=True) + pem_of(P256))
    file.chmod(0o600)
    with time_machine.travel(datetime(2027, 1, 1, tzinfo=UTC), tick=True):
        said = desk.say("key", "import", "own.pem")

        assert said.code == 0
        assert (
            "note: the state database keeps this key, sealed; own.pem can be removed" in said.errors
        )
        key = next(one for one in keys_of(desk) if one["state"] == "staged")
        assert key["algorithm"] == "ecdsa-p256"
        assert desk.say("key", "import", "own.pem").errors == (
            f"error: the key {key['id']} is known already; it is staged\n"
        )
        assert desk.say("key", "activate", "--yes").code == 0
    assert details_of(desk, "key.imported")[0]["key"] == key["sha256"]


def test_a_key_that_was_kept_in_a_file_is_taken_over_and_said_until_it_is_removed(desk: Shell):
    folder = desk.folder / "keys"
    folder.mkdir(mode=0o700)
    former = folder / "signing-active.pem"
    former.write_bytes((KEYS / "idp_key.pem").read_bytes())
    former.chmod(0o600)

    (key,) = keys_of(desk)

    certificate = x509.load_pem_x509_certificate(former.read_bytes())
    shown = desk.say("key", "show", key["id"], "--pem").output
    assert x509.load_pem_x509_certificate(shown.encode()) == certificate
    assert details_of(desk, "key.taken_over")[0]["key"] == key["sha256"]
    advice = (
        "warn  signing key: signing keys are kept in the state database now;"
        f" {desk.folder}/keys/signing-active.pem is not read any more and can be removed\n"
    )
    assert advice in desk.say("check").output
    former.unlink()
    assert advice not in desk.say("check").output


def test_the_sealing_key_may_be_a_secret_of_the_operator(
    desk: Shell, monkeypatch: pytest.MonkeyPatch
):
    desk.edit("[idp]\n", '[idp]\nseal = { env = "CONNECTOR_SEAL" }\n', "connector.toml")
    monkeypatch.setenv("CONNECTOR_SEAL", "22" * 32)

    assert [one["state"] for one in keys_of(desk)] == ["active"]
    assert not (desk.folder / "keys").exists()
    monkeypatch.setenv("CONNECTOR_SEAL", "33" * 32)
    said = desk.say("key", "stage")
    assert said.code == 1
    assert "the sealing key (environment variable CONNECTOR_SEAL) does not open" in said.errors
    assert "22" * 32 not in said.errors
    assert "33" * 32 not in said.errors


def test_a_wrong_sealing_key_stops_what_signs_and_not_what_looks(desk: Shell):
    (key,) = keys_of(desk)
    (desk.folder / "keys" / "seal-key").write_text("33" * 32)

    assert keys_of(desk) == [key]
    for command in (("key", "stage"), ("app", "list"), ("run",), ("key", "reseal", "new")):
        said = desk.say(*command)
        assert said.code == 1, command
        assert f"does not open the signing key {key['id']}; bring back the one" in said.errors
    checked = desk.say("check")
    assert checked.code == 1
    assert "fail  signing key: the sealing key (file " in checked.output


def test_a_sealing_key_that_is_lost_costs_the_keys_and_a_new_one_is_made(desk: Shell, answers):
    (key,) = keys_of(desk)
    (desk.folder / "keys" / "seal-key").unlink()
    assert "connector key retire --lost" in desk.say("key", "stage").errors

    answers("n\n")
    assert desk.say("key", "retire", "--lost").code == 130
    said = desk.say("key", "retire", "--lost", "--yes")

    (new,) = keys_of(desk)
    assert (new["state"], new["id"] == key["id"]) == ("active", False)
    assert said.output.startswith(f"Retired {key['id']}. {new['id']} signs from now on; restart")
    assert f"Nobody can open {key['id']} by the sealing key" in said.errors
    again = desk.say("key", "retire", "--lost", "--yes")
    assert again.output.endswith("opens every signing key; nothing is lost.\n")
    assert desk.say("check").code == 0


def test_what_the_lost_key_had_sealed_is_removed_and_said(desk: Shell):
    keys_of(desk)
    app, _ = enrol_app(desk)
    (desk.folder / "keys" / "seal-key").unlink()

    said = desk.say("key", "retire", "--lost", "--yes")

    assert "The authenticator apps of 1 person are gone" in said.output
    assert details_of(desk, "factor.lost")[0]["people"] == ["ann"]
    assert app.seeds.of_person("ann") == ()


def test_who_runs_while_keys_are_sealed_anew_goes_on_and_who_starts_next_too(desk: Shell):
    keys_of(desk)
    running, code = enrol_app(desk)

    assert desk.say("key", "reseal", "new-seal").code == 0
    (desk.folder / "new-seal").rename(desk.folder / "keys" / "seal-key")

    started = replace(running, seal=data_seal_of(desk))
    assert started.seal == running.seal
    now = datetime.now(UTC)
    assert running.check("ann", code(now), now).external_id == "ann"
    later = now + timedelta(seconds=30)
    assert started.check("ann", code(later), later).external_id == "ann"


def data_seal_of(desk: Shell) -> Seal:
    settings = load_settings(desk.folder / "connector.toml")
    return open_keys(settings.idp, engine_of(desk), SystemClock()).data_seal


def enrol_app(desk: Shell) -> tuple[TotpFactor, Callable[[datetime], str]]:
    """Have somebody enrol an app; return what checks it, and what it shows."""
    engine = engine_of(desk)
    app = TotpFactor(FactorStore(engine), TotpSeedStore(engine), data_seal_of(desk), os.urandom)
    seed, before = app.new_seed(), datetime.now(UTC) - timedelta(minutes=2)
    app.enrol("ann", seed, code_of(app, seed, before), "", before)
    return app, partial(code_of, app, seed)


def test_keys_are_sealed_anew_by_another_sealing_key(desk: Shell):
    (key,) = keys_of(desk)

    said = desk.say("key", "reseal", "new-seal")

    assert said.code == 0
    assert f"sealed by new-seal now, and no more by file {desk.folder}/keys/seal-key" in said.output
    assert desk.say("check").code == 1
    (desk.folder / "new-seal").rename(desk.folder / "keys" / "seal-key")
    assert desk.say("check").code == 0
    assert keys_of(desk) == [key]
    assert details_of(desk, "key.resealed")[0]["by"]


def test_an_end_that_is_near_is_said_by_check_status_and_the_list(desk: Shell):
    with time_machine.travel(datetime.now(UTC) - timedelta(days=5 * 365 - 60), tick=True):
        (key,) = keys_of(desk)

    day = key["not_after"][:10]
    checked = desk.say("check").output
    assert (
        f"warn  signing key: the certificate of the signing key {key['id']} ends on {day}, in 59"
        " days; next: connector key stage\n"
    ) in checked
    status = desk.say("status").output
    assert f"Signing key: {key['id']}, its certificate ends on {day}, in 59 days.\n" in status
    assert "next: connector key stage\n" in status
    assert f"{day}, in 59 days" in desk.say("key", "list").output
    following = staged(desk)
    status = desk.say("status").output
    assert re.search(rf"Next: {following['id']}, staged \d s ago, seen by 0 of 2 appl", status)
    assert "next: connector key activate\n" in status
    assert [one["id"] for one in desk.say("status", "--json").values["signing_keys"]] == [
        key["id"],
        following["id"],
    ]
    with time_machine.travel(datetime.now(UTC) + timedelta(days=61), tick=True):
        ended = desk.say("check")
        assert (
            f"fail  signing key: the certificate of the signing key {key['id']} ended"
            in ended.output
        )
        assert ended.code == 1
        assert f"{day}: ended" in desk.say("key", "list").output


def test_check_makes_nothing(desk: Shell):
    before = sorted(desk.folder.rglob("*"))

    assert "ok    signing key: will be made at the first start\n" in desk.say("check").output
    assert sorted(desk.folder.rglob("*")) == before


def test_check_says_that_the_state_must_be_upgraded(desk: Shell):
    keys_of(desk)
    engine = open_engine(f"sqlite:///{desk.folder}/state.db")
    with engine.connect() as connection, connection.begin():
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")

    said = desk.say("check")

    assert said.code == 1
    assert (
        "fail  state: the state database is of an older program; run: connector db upgrade"
        in said.output
    )


def test_without_an_identity_provider_there_is_no_key(desk: Shell):
    text = (desk.folder / "connector.toml").read_text()
    (desk.folder / "connector.toml").write_text(text.partition("[idp]")[0])

    assert "signing key" not in desk.say("check").output
    assert "Signing key" not in desk.say("status").output
    assert "has no section [idp]" in desk.say("key", "list").errors


def test_a_backup_holds_no_private_key(desk: Shell):
    keys_of(desk)

    desk.say("db", "backup", "copy.db")

    copy = (desk.folder / "copy.db").read_bytes()
    (kept,) = store_of(desk).load().keys
    assert kept.certificate in copy
    assert b"PRIVATE KEY" not in copy
    # The beginning of every RSA key in PKCS 8: version, algorithm, and an octet string of it.
    assert bytes.fromhex("020100300d06092a864886f70d01010105000482") not in copy
    seal = (desk.folder / "keys" / "seal-key").read_text().strip()
    assert seal.encode() not in copy
    assert bytes.fromhex(seal) not in copy
