"""Pages come in the language that the browser asks for, or that the operator has chosen."""

from __future__ import annotations

import dataclasses
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.web.language import negotiate
from tests.parts.visitor import visit
from tests.web.conftest import BASE_URL

OURS = ("en", "de")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("DE-at", "de"),
        ("de-Latn-DE-1996", "de"),
        ("en-GB,en;q=0.9,de;q=0.8", "en"),
        ("de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7", "de"),
        ("en;q=0.3, de;q=0.31", "de"),
        ("de, en", "de"),
        ("en, de", "en"),
        ("fr, de;q=0.2", "de"),
        ("fr, es;q=0.5", "en"),
        ("*", "en"),
        ("fr, *;q=0.5", "en"),
        ("en;q=0, *", "de"),
        ("en;q=0", "en"),
        ("de;q=0", "en"),
        ("de;q=0, en;q=0", "en"),
        ("de;q=0, de-AT;q=0.1", "de"),
        ("de ; q=1.000", "de"),
        # What is not as it should be says nothing.
        ("de;q=2", "en"),
        ("de;q=-1", "en"),
        ("de;q=0.1234", "en"),
        ("de;q=nan", "en"),
        ("de;level=1", "en"),
        ("deutsch", "en"),
        ("de_DE", "en"),
        ("de-", "en"),
        (",,;q=1,de", "de"),
        ("q=1", "en"),
    ],
)
def test_the_language_liked_best_of_those_that_we_have(header, language):
    assert negotiate(header, OURS) == language


@given(st.text(max_size=300))
def test_whatever_is_asked_for_the_answer_is_one_of_ours(header):
    assert negotiate(header, OURS) in OURS


@pytest.mark.parametrize(
    "header", ["de" * 50_000, "de," * 50_000, "fr;q=0.5," * 20_000, " " * 90_000, ";" * 90_000]
)
def test_a_header_made_to_keep_us_busy_does_not(visitor, header):
    started = time.perf_counter()
    page = visitor.get("/", **{"accept-language": header})

    assert page.status == 200
    assert time.perf_counter() - started < 0.5


def test_a_range_that_is_cut_says_nothing(visitor):
    """What remains of "de;q=0.9" could forbid German."""
    cut = "fr;q=0.1," * 27 + "de" + ";q=0.5," * 1 + "en;q=0.100"

    assert visitor.get("/", **{"accept-language": "x" * 254 + ",de"}).tree.get("lang") == "en"
    assert visitor.get("/", **{"accept-language": cut}).tree.get("lang") == "de"


def test_two_headers_are_one(visitor):
    headers = [("accept-language", "fr"), ("accept-language", "de;q=0.5")]

    assert 'lang="de"' in visitor.client.get("/", headers=headers).text


@pytest.mark.parametrize(
    "path", ["/", "/nowhere", "/login/unknown", "/logout/unknown", "/saml/sso"]
)
def test_every_page_says_its_language_and_that_it_is_chosen(visitor, path):
    for header, language in (("de-AT", "de"), ("en", "en"), ("fr", "en")):
        page = visitor.get(path, **{"accept-language": header})

        assert page.tree.get("lang") == page.answer.headers["content-language"] == language
        assert page.answer.headers["vary"] == "Accept-Language"


def test_a_whole_login_in_german(idp, ask):
    visitor = visit(idp.app(), BASE_URL)
    visitor.client.headers["accept-language"] = "de-DE,de;q=0.9"

    asked = visitor.get(ask())
    assert asked.heading == "Anmelden"
    password = visitor.submit(asked, "/email", email="alice@corp.test")
    assert password.heading == "Passwort eingeben"
    failed = visitor.submit(password, "/password", password="wrong")
    assert failed.alert.startswith("Mit dieser E-Mail-Adresse und diesem Passwort")
    done = visitor.submit(failed, "/password", password="Passw0rd!")
    assert done.heading == "Intranet wird geöffnet"


def test_the_page_of_the_answer_is_kept_in_each_language(visitor, ask):
    """Also where nobody waits: who is signed in already."""
    visitor.sign_in(ask(), "alice@corp.test", "Passw0rd!")

    headings = [
        visitor.get(ask(), **{"accept-language": language}).heading
        for language in ("de", "en", "de", "fr")
    ]
    assert headings == [
        "Intranet wird geöffnet", "Opening Intranet", "Intranet wird geöffnet", "Opening Intranet"
    ]  # fmt: skip


@pytest.mark.parametrize(("chosen", "heading"), [("de", "Sie sind nicht angemeldet"), ("en", "You are not signed in")])  # fmt: skip
def test_the_operator_may_choose_one_language_for_everybody(idp, chosen, heading):
    idp.site = dataclasses.replace(idp.site, language=chosen)
    visitor = visit(idp.app(), BASE_URL)

    for asked in ("en", "de", "fr", ""):
        page = visitor.get("/", **{"accept-language": asked})
        assert (page.heading, page.tree.get("lang")) == (heading, chosen)
