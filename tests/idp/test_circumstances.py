"""What is known of a sign-on reaches the policy: browser, country, how old it is and when used."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from connector.idp.network import parse_address
from connector.idp.policy.points import Authentication, Others
from connector.idp.view import AskEmail, AskEnrolment, AskFactor, SendResponse, ShowDenied
from tests.idp.bench import ADDRESS, an_application, make_bench
from tests.idp.factor_bench import WIKI, Person
from tests.parts.policies import policies

if TYPE_CHECKING:
    from connector.idp.network import Address

ELSEWHERE = "198.51.100.7"


@dataclass(frozen=True)
class CountriesInMemory:
    """Knows one address; the country of all others is not known."""

    address: str
    country: str

    def of(self, address: Address | None) -> str:
        return self.country if address == parse_address(self.address) else ""


@pytest.fixture
def person(engine, clock):
    """Return what makes Ann, whose address is in North Korea, by the file of this installation."""

    def make(of_applications=None, **says) -> Person:
        rules = policies(of_applications, **says)
        bench = make_bench(engine, clock, an_application(), WIKI, policies=rules)
        parts = replace(bench.parts, countries=CountriesInMemory(ADDRESS, "KP"))
        return Person(replace(bench, flow=replace(bench.flow, parts=parts)))

    return make


def asked_for_nothing(person, **at_wiki) -> Person:
    """Return Ann, signed in where nobody asks for a second factor, with rules at the wiki."""
    ann = person({"wiki": at_wiki}, authentication=Authentication.BYPASS)
    assert isinstance(ann.sign_in(), SendResponse)
    return ann


def test_whoever_signs_in_with_a_browser_that_is_too_old_is_kept_out_and_told(person):
    ann = person(browsers_chrome=999)

    assert isinstance(ann.sign_in(), ShowDenied)
    assert ann.bench.reasons()[0] == "browser-too-old"


def test_a_session_does_not_help_a_browser_that_is_too_old(person):
    ann = asked_for_nothing(person, browsers_chrome=157)

    assert isinstance(ann.open("wiki"), ShowDenied)
    assert ann.bench.reasons()[0] == "browser-too-old"


def test_a_browser_that_is_as_new_as_is_wanted_enters(person):
    ann = asked_for_nothing(person, browsers_chrome=156)

    assert isinstance(ann.open("wiki"), SendResponse)


def test_from_a_country_that_is_refused_nobody_signs_in(person):
    ann = person(countries_refuse=frozenset({"KP"}))

    assert isinstance(ann.sign_in(), ShowDenied)
    assert ann.bench.reasons()[0] == "country-refused"


def test_a_country_is_looked_up_of_the_address_of_this_very_visit(person):
    ann = asked_for_nothing(person, countries_refuse=frozenset({"KP"}))
    assert isinstance(ann.open("wiki"), ShowDenied)

    ann.address = ELSEWHERE

    assert isinstance(ann.open("wiki"), SendResponse)


def test_where_all_other_countries_are_refused_so_is_one_that_is_not_known(person):
    ann = asked_for_nothing(
        person, countries_without=frozenset({"KP"}), countries_others=Others.REFUSE
    )
    assert isinstance(ann.open("wiki"), SendResponse)

    ann.address = ELSEWHERE

    assert isinstance(ann.open("wiki"), ShowDenied)
    assert ann.bench.reasons()[0] == "country-refused"


def test_from_a_country_without_a_second_factor_none_is_asked_for(person):
    ann = person(countries_without=frozenset({"KP"}), networks_enrol_from_without=False)
    assert isinstance(ann.sign_in(), SendResponse)

    ann.sso, ann.address = None, ELSEWHERE

    assert isinstance(ann.sign_in(), AskEnrolment)


def test_a_session_that_was_not_used_for_too_long_signs_in_anew_at_that_application_alone(person):
    ann = asked_for_nothing(person, session_idle=timedelta(minutes=10))
    ann.pass_time(minutes=9, seconds=59)
    assert isinstance(ann.open("wiki"), SendResponse)
    ann.pass_time(minutes=10)

    assert isinstance(ann.open("wiki"), AskEmail)

    assert isinstance(ann.open("intranet"), SendResponse)
    assert isinstance(ann.open("wiki"), SendResponse), "the session was used a moment ago"
    ann.pass_time(minutes=10)
    ann.open("wiki")
    assert isinstance(ann.type_password(), SendResponse)


def test_a_session_that_began_too_long_ago_signs_in_anew_however_much_it_is_used(person):
    ann = asked_for_nothing(person, session_lifetime=timedelta(hours=1))
    for _ in range(2):
        ann.pass_time(minutes=29)
        assert isinstance(ann.open("wiki"), SendResponse)
    ann.pass_time(minutes=2)

    assert isinstance(ann.open("wiki"), AskEmail)

    assert isinstance(ann.open("intranet"), SendResponse)
    ann.open("wiki")
    assert isinstance(ann.type_password(), SendResponse)
    assert isinstance(ann.open("wiki"), SendResponse)


def test_a_factor_does_not_make_up_for_a_session_that_is_too_old(person):
    """Who is asked to sign in anew is asked for both."""
    ann = person({"wiki": {"session_lifetime": timedelta(hours=1)}})
    ann.sign_in()
    ann.enrol_totp()
    for _ in range(2):
        ann.pass_time(minutes=30)
        ann.open("intranet")

    assert isinstance(ann.open("wiki"), AskEmail)

    assert isinstance(ann.type_password(), AskFactor)
    assert isinstance(ann.type_code(ann.code()), SendResponse)


def test_a_passkey_by_which_somebody_signed_in_counts_as_a_factor_for_as_long_as_one(person):
    ann = person(second_factor=timedelta(hours=2))
    ann.sign_in()
    ann.enrol_passkey()
    ann.sso = None
    ann.arrive()
    assert isinstance(ann.use_passkey_first(), SendResponse)
    for _ in range(2):
        ann.pass_time(minutes=59)
        assert isinstance(ann.open("wiki"), SendResponse)
    ann.pass_time(minutes=2)

    assert isinstance(ann.open("wiki"), AskFactor)
