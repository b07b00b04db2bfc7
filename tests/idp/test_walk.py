"""From AuthnRequest to Response, word for word; `CONNECTOR_GOLDEN=write` writes it anew."""

from __future__ import annotations

import re
from base64 import b64decode
from pathlib import Path

from tests.idp.bench import SignOnBench, authn_request, redirected
from tests.parts.golden import assert_as_reviewed, transcript

GOLDEN = Path(__file__).parent / "authn_request_to_response.golden"


def test_the_walk_is_the_one_that_was_reviewed(bench: SignOnBench):
    request = authn_request(ID="_golden")
    transaction, browser = bench.arrive(redirected(request, "deep link"))
    ask_email = bench.flow.next_step(transaction, browser, None)
    ask_password = bench.type_email(transaction, browser, "ann.lind@corp.example")
    denied = bench.type_password(transaction, browser, "wrong")
    answer = bench.type_password(transaction, browser, "Right-1")

    walk = [
        ("AuthnRequest", lines(request)),
        ("first page", str(ask_email)),
        ("second page", str(ask_password)),
        ("after a wrong password", str(denied)),
        ("after the right one", str(answer)),
        ("Response", lines(b64decode(answer.saml_response).decode())),
        ("audit", "\n".join(str(event) for event in reversed(bench.parts.audit.recent()))),
    ]

    assert_as_reviewed(transcript(walk), GOLDEN)


def lines(document: str) -> str:
    """Return XML with a line for each tag, to be read in a difference."""
    return re.sub(r"(?<=>)(?=<[^/])", "\n", document)
