"""Passkeys: what browsers are asked, what is believed, and whose a passkey is."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from connector.errors import FactorRefused
from connector.idp.authenticator.passkey import PASSKEYS_AT_MOST, PasskeyFactor, relying_party
from connector.idp.factor import FactorKind
from connector.idp.reason import Reason
from connector.idp.store.factors import FactorStore
from connector.idp.store.passkeys import PasskeyStore
from tests.idp.bench import NOW
from tests.idp.factors.subject import PARTY
from tests.parts.software_authenticator import (
    BACKED_UP,
    ELIGIBLE,
    PRESENT,
    VERIFIED,
    SoftwareAuthenticator,
    to_bytes,
    to_text,
)

if TYPE_CHECKING:
    from sqlalchemy import Engine

ANN, BEN = "ann", "ben"
LATER = NOW + timedelta(hours=1)
CHALLENGE = bytes(range(32))
SYNCED = PRESENT | VERIFIED | ELIGIBLE | BACKED_UP


@pytest.fixture
def factor(engine: Engine) -> PasskeyFactor:
    return PasskeyFactor(FactorStore(engine), PasskeyStore(engine), PARTY, os.urandom)


@pytest.fixture
def phone() -> SoftwareAuthenticator:
    return SoftwareAuthenticator()


def made(factor: PasskeyFactor, device: SoftwareAuthenticator, who: str = ANN) -> str:
    options = factor.creation_options(who, f"{who}@corp.example", who.title(), CHALLENGE)
    return device.create(options)


def enrol(factor: PasskeyFactor, device: SoftwareAuthenticator, who: str = ANN, name: str = ""):
    return factor.enrol(who, made(factor, device, who), CHALLENGE, name, NOW)


def signed(factor: PasskeyFactor, device: SoftwareAuthenticator, who: str | None = None) -> str:
    return device.get(factor.request_options(CHALLENGE, who))


def refusal(act, *arguments) -> str:
    with pytest.raises(FactorRefused) as refused:
        act(*arguments)
    return refused.value.reason


def changed(text: str, **response) -> str:
    values = json.loads(text)
    values["response"] |= response
    return json.dumps(values)


# What browsers are asked.


def test_a_browser_is_asked_for_a_discoverable_credential_with_the_user_verified(factor):
    options = json.loads(factor.creation_options(ANN, "ann@corp.example", "Ann Lind", CHALLENGE))

    assert options["rp"] == {"id": "sso.corp.example", "name": "Corp"}
    assert (options["user"]["name"], options["user"]["displayName"]) == (
        "ann@corp.example",
        "Ann Lind",
    )
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["authenticatorSelection"]["requireResidentKey"] is True
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["attestation"] == "none"
    assert to_bytes(options["challenge"]) == CHALLENGE


def test_authenticators_are_not_told_the_key_of_the_directory(factor):
    """WebAuthn section 14.6.1: the user handle says nothing about the person."""
    person = "5c2f8a10-0000-4000-8000-00000000abcd"
    options = json.loads(factor.creation_options(person, "ann", "Ann", CHALLENGE))
    again = json.loads(factor.creation_options(person, "other", "Other", CHALLENGE))

    handle = to_bytes(options["user"]["id"])
    assert len(handle) == 32
    assert person.encode() not in handle
    assert handle == to_bytes(again["user"]["id"]), "it never changes"


def test_an_authenticator_that_has_one_is_not_asked_for_another(factor, phone):
    enrol(factor, phone)

    with pytest.raises(LookupError, match="InvalidStateError"):
        enrol(factor, phone)
    enrol(factor, phone, BEN)


def test_who_is_not_known_yet_is_told_nothing_about_anybody(factor, phone):
    enrol(factor, phone)

    options = json.loads(factor.request_options(CHALLENGE, None))

    assert options["allowCredentials"] == []
    assert (options["rpId"], options["userVerification"]) == ("sso.corp.example", "required")


def test_who_is_known_is_asked_for_their_own_that_still_work(factor, phone, engine):
    first, second = enrol(factor, phone), enrol(factor, SoftwareAuthenticator(transports=("usb",)))
    enrol(factor, SoftwareAuthenticator(), BEN)
    FactorStore(engine).disable(first.factor_id, Reason.PASSKEY_CLONED, NOW)

    allowed = json.loads(factor.request_options(CHALLENGE, ANN))["allowCredentials"]

    assert [one["transports"] for one in allowed] == [["usb"]]
    FactorStore(engine).disable(second.factor_id, Reason.PASSKEY_CLONED, NOW)
    assert refusal(factor.request_options, CHALLENGE, ANN) == Reason.FACTOR_UNKNOWN


# What is believed.


def test_a_passkey_signs_in_whoever_it_is(factor, phone):
    mine = enrol(factor, phone)
    enrol(factor, SoftwareAuthenticator(), BEN)

    proof = factor.check(signed(factor, phone), CHALLENGE, None, LATER)

    assert (proof.external_id, proof.factor_id, proof.kind) == (
        ANN,
        mine.factor_id,
        FactorKind.PASSKEY,
    )
    assert proof.kind.is_phishing_resistant


def test_one_that_does_not_say_whose_it_is_is_good_for_the_person_asked_only(factor, phone):
    enrol(factor, phone)
    text = phone.get(factor.request_options(CHALLENGE, ANN), names_user=False)
    again = phone.get(factor.request_options(CHALLENGE, ANN), names_user=False)

    assert refusal(factor.check, text, CHALLENGE, None, NOW) == Reason.PASSKEY_OTHER_PERSON
    assert factor.check(again, CHALLENGE, ANN, NOW).external_id == ANN


@pytest.mark.parametrize("asked", [ANN, None])
def test_a_handle_of_somebody_else_is_refused(factor, phone, asked):
    enrol(factor, phone)
    (credential,) = phone.credentials
    credential.user_handle = bytes(32)

    text = signed(factor, phone)

    assert refusal(factor.check, text, CHALLENGE, asked, NOW) == Reason.PASSKEY_OTHER_PERSON


def test_a_passkey_of_somebody_else_is_refused(factor, phone):
    enrol(factor, phone)
    enrol(factor, SoftwareAuthenticator(), BEN)

    assert refusal(factor.check, signed(factor, phone), CHALLENGE, BEN, NOW) == (
        Reason.PASSKEY_OTHER_PERSON
    )


def test_another_challenge_is_refused(factor, phone):
    enrol(factor, phone)

    assert refusal(factor.check, signed(factor, phone), bytes(32), None, NOW) == (
        Reason.PASSKEY_CHALLENGE
    )
    text = made(factor, SoftwareAuthenticator())
    assert refusal(factor.enrol, ANN, text, bytes(32), "", NOW) == Reason.PASSKEY_CHALLENGE


WRONG_PAGES = [
    {"origin": "https://sso.corp.example.evil.test"},
    {"origin": "https://sso.corp.example:8443"},
    {"origin": "http://sso.corp.example"},
    {"origin": "https://SSO.corp.example"},
    {"crossOrigin": True},
    {"crossOrigin": "false"},
    {"crossOrigin": None, "topOrigin": "https://evil.test"},
]


@pytest.mark.parametrize("said", WRONG_PAGES, ids=str)
def test_a_page_that_is_not_ours_or_is_framed_is_refused(factor, phone, said):
    enrol(factor, phone)
    phone.client = said
    other = SoftwareAuthenticator(client=said)

    assert refusal(factor.check, signed(factor, phone), CHALLENGE, ANN, NOW) == (
        Reason.PASSKEY_ORIGIN
    )
    assert refusal(factor.enrol, ANN, made(factor, other), CHALLENGE, "", NOW) == (
        Reason.PASSKEY_ORIGIN
    )


def test_an_old_browser_that_does_not_speak_of_frames_is_fine(factor, phone):
    phone.client = {"crossOrigin": None}
    enrol(factor, phone)

    factor.check(signed(factor, phone), CHALLENGE, None, NOW)


def test_a_new_credential_is_no_sign_in_and_the_other_way_round(factor, phone):
    enrol(factor, phone)
    phone.client = {"type": "webauthn.create"}
    assert refusal(factor.check, signed(factor, phone), CHALLENGE, ANN, NOW) == (
        Reason.PASSKEY_MALFORMED
    )
    other = SoftwareAuthenticator(client={"type": "webauthn.get"})
    assert refusal(factor.enrol, ANN, made(factor, other), CHALLENGE, "", NOW) == (
        Reason.PASSKEY_MALFORMED
    )


@pytest.mark.parametrize("flags", [0, PRESENT, VERIFIED])
def test_a_user_who_was_not_verified_is_refused(factor, phone, flags):
    enrol(factor, phone)
    phone.flags = flags
    other = SoftwareAuthenticator(flags=flags)

    assert refusal(factor.check, signed(factor, phone), CHALLENGE, ANN, NOW) == (
        Reason.PASSKEY_UNVERIFIED
    )
    assert refusal(factor.enrol, ANN, made(factor, other), CHALLENGE, "", NOW) == (
        Reason.PASSKEY_UNVERIFIED
    )


def test_a_credential_for_another_host_is_refused(factor, phone):
    enrol(factor, phone)
    (credential,) = phone.credentials
    credential.rp_id = "corp.example"

    text = phone.assertion(credential, to_text(CHALLENGE))

    assert refusal(factor.check, text, CHALLENGE, ANN, NOW) == Reason.PASSKEY_SIGNATURE
    made_there = phone.registration(credential, to_text(CHALLENGE))
    assert refusal(factor.enrol, BEN, made_there, CHALLENGE, "", NOW) == Reason.PASSKEY_MALFORMED


def test_a_signature_of_something_else_is_refused(factor, phone):
    enrol(factor, phone)
    text = signed(factor, phone)
    client = json.loads(to_bytes(json.loads(text)["response"]["clientDataJSON"]))
    longer = to_text(json.dumps(client | {"more": 1}).encode())

    assert refusal(factor.check, changed(text, clientDataJSON=longer), CHALLENGE, ANN, NOW) == (
        Reason.PASSKEY_SIGNATURE
    )


def test_a_credential_that_nobody_has_enrolled_is_refused(factor, phone, engine):
    removed = enrol(factor, phone)
    FactorStore(engine).remove(ANN, removed.factor_id, NOW)

    assert refusal(factor.check, signed(factor, phone), CHALLENGE, None, NOW) == (
        Reason.FACTOR_UNKNOWN
    )


# Counts and copies.


def test_a_copy_whose_count_is_behind_is_found_out_and_the_passkey_disabled(factor, phone, engine):
    mine = enrol(factor, phone)
    (credential,) = phone.credentials
    copy = replace(phone, credentials=[replace(credential)])
    for _ in range(3):
        factor.check(signed(factor, phone), CHALLENGE, None, NOW)

    with pytest.raises(FactorRefused) as refused:
        factor.check(signed(factor, copy), CHALLENGE, None, LATER)

    assert (refused.value.reason, refused.value.disabled_ids) == (
        Reason.PASSKEY_CLONED,
        (mine.factor_id,),
    )
    assert refusal(factor.check, signed(factor, phone), CHALLENGE, None, LATER) == (
        Reason.FACTOR_DISABLED
    )
    (seen,) = FactorStore(engine).of_person(ANN, NOW)
    assert (seen.disabled_at, seen.disabled_for) == (LATER, "passkey-cloned")


def test_a_synced_passkey_does_not_count_and_is_taken(factor):
    """WebAuthn section 6.1.1; that nothing is taken twice is the challenge's part there."""
    synced = SoftwareAuthenticator(flags=SYNCED, counts=False)
    enrol(factor, synced)

    for _ in range(3):
        factor.check(signed(factor, synced), CHALLENGE, None, NOW)


def test_one_that_has_counted_and_says_nothing_any_more_is_a_copy(factor, phone):
    enrol(factor, phone)
    factor.check(signed(factor, phone), CHALLENGE, None, NOW)
    phone.counts, phone.credentials[0].count = False, 0

    assert refusal(factor.check, signed(factor, phone), CHALLENGE, None, NOW) == (
        Reason.PASSKEY_CLONED
    )


def test_whether_it_may_be_copied_is_kept_and_whether_it_was_as_of_its_last_use(factor, engine):
    device = SoftwareAuthenticator(flags=PRESENT | VERIFIED | ELIGIBLE, counts=False)
    enrol(factor, device)
    before = PasskeyStore(engine).of_person(ANN)[0].passkey
    device.flags = SYNCED
    factor.check(signed(factor, device), CHALLENGE, None, NOW)
    after = PasskeyStore(engine).of_person(ANN)[0].passkey

    assert (before.is_backup_eligible, before.is_backed_up) == (True, False)
    assert (after.is_backup_eligible, after.is_backed_up) == (True, True)


def test_one_that_could_not_be_copied_stays_so(factor, phone):
    enrol(factor, phone)
    phone.flags = SYNCED

    assert refusal(factor.check, signed(factor, phone), CHALLENGE, None, NOW) == (
        Reason.PASSKEY_MALFORMED
    )


def test_a_copy_that_may_not_be_one_is_refused(factor):
    device = SoftwareAuthenticator(flags=PRESENT | VERIFIED | BACKED_UP)

    assert refusal(factor.enrol, ANN, made(factor, device), CHALLENGE, "", NOW) == (
        Reason.PASSKEY_MALFORMED
    )


# What is kept.


@pytest.mark.parametrize(
    ("aaguid", "flags", "transports", "name"),
    [
        (bytes(16), PRESENT | VERIFIED, ("usb", "nfc"), "Security key"),
        (bytes(16), PRESENT | VERIFIED, ("internal",), "Passkey"),
        (bytes(16), SYNCED, ("hybrid", "internal"), "Passkey"),
        (bytes(16), PRESENT | VERIFIED, (), "Passkey"),
        (
            bytes.fromhex("ea9b8d664d011d213ce4b6b48cb575d4"),
            SYNCED,
            ("internal",),
            "Passkey in Google Password Manager",
        ),
        (
            bytes.fromhex("08987058cadc4b81b6e130de50dcbe96"),
            PRESENT | VERIFIED,
            ("internal",),
            "Windows Hello",
        ),
    ],
)
def test_it_has_a_name_by_itself(factor, engine, aaguid, flags, transports, name):
    device = SoftwareAuthenticator(flags=flags, aaguid=aaguid, transports=transports)

    assert enrol(factor, device).name == name

    kept = PasskeyStore(engine).of_person(ANN)[0].passkey
    assert kept.aaguid.replace("-", "") == aaguid.hex()
    assert set(kept.transports) == set(transports)


def test_a_name_may_be_given_and_changed(factor, phone, engine):
    mine = enrol(factor, phone, name="  Ann's phone\x00 ")
    assert mine.name == "Ann's phone"

    assert not FactorStore(engine).rename(BEN, mine.factor_id, "stolen")
    assert FactorStore(engine).rename(ANN, mine.factor_id, "Old phone")
    assert [one.name for one in FactorStore(engine).of_person(ANN, NOW)] == ["Old phone"]


def test_the_same_credential_is_not_kept_twice(factor, phone):
    text = made(factor, phone)
    factor.enrol(ANN, text, CHALLENGE, "", NOW)

    assert refusal(factor.enrol, ANN, text, CHALLENGE, "", NOW) == Reason.FACTOR_EXISTS
    assert refusal(factor.enrol, BEN, text, CHALLENGE, "", NOW) == Reason.FACTOR_EXISTS


def test_there_is_a_limit_to_them(factor):
    for _ in range(PASSKEYS_AT_MOST):
        enrol(factor, SoftwareAuthenticator())

    assert refusal(enrol, factor, SoftwareAuthenticator()) == Reason.TOO_MANY_FACTORS


def test_whatever_attestation_comes_is_put_aside(factor, phone, engine):
    """None is asked for, so none is read: certificates of strangers stay closed."""
    made(factor, phone)
    (credential,) = phone.credentials
    statement = {"alg": -7, "sig": b"made up", "x5c": [b"\x30\x80 no certificate"]}
    text = phone.registration(credential, to_text(CHALLENGE), fmt="packed", attStmt=statement)

    factor.enrol(ANN, text, CHALLENGE, "", NOW)

    factor.check(signed(factor, phone), CHALLENGE, ANN, NOW)


def test_passkeys_of_a_host_that_we_had_before_are_counted_and_of_no_use(factor, phone, engine):
    enrol(factor, phone)
    moved = replace(factor, party=relying_party("https://login.corp.example", "Corp"))

    assert PasskeyStore(engine).count_by_host() == {"sso.corp.example": 1}
    assert (
        json.loads(moved.creation_options(ANN, "ann", "Ann", CHALLENGE))["excludeCredentials"] == []
    )
    assert refusal(moved.request_options, CHALLENGE, ANN) == Reason.FACTOR_UNKNOWN
    phone.client = {"origin": "https://login.corp.example"}
    (credential,) = phone.credentials
    text = phone.assertion(credential, to_text(CHALLENGE))
    assert refusal(moved.check, text, CHALLENGE, None, NOW) == Reason.FACTOR_UNKNOWN
