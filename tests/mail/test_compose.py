"""What people read: what happened, when, from where, what to do; and nothing that others put in."""

from __future__ import annotations

import re
from dataclasses import replace
from email import message_from_bytes, policy
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.mail.browser import describe
from connector.mail.compose import compose
from connector.mail.notice import FactorAdded, FactorRenamed, Occasion
from connector.mail.plain import one_line, to_mailbox, unlinked
from connector.mail.translation import Language, catalogue
from connector.mail.wording import word
from tests.mail.desk import ANNA, LETTERHEAD, NOTICES, NOW, OCCASION
from tests.parts.golden import assert_as_reviewed, transcript

GERMAN = replace(ANNA, language=Language.GERMAN)
HOSTILE = [
    "key\r\nBcc: eve@evil.example",
    "key\n\nhttps://evil.example/undo",
    "key\x00\x1b[2J\u202egnp.exe",
    "\u2028Subject: x",
    "www.evil.example",
    "eve@evil.example",
    "evil。example",
    "=?utf-8?q?=0aBcc:_eve@evil.example?=",
    "{name} %s ${x} {{7*7}}",
    "👩‍💻 Müllers Schlüssel „3“ <b>",
    "\ud800 half",
    "x" * 5000,
    "",
]


def written(notice, recipient=ANNA, letterhead=LETTERHEAD):
    """Return the message as whoever gets it sees it."""
    message = compose(notice, letterhead, recipient, "a1@corp.example", NOW)
    return message_from_bytes(message.as_bytes(), policy=policy.default)


def text_of(message) -> str:
    return message.get_content().replace("\r\n", "\n")


@pytest.mark.parametrize("language", list(Language))
def test_every_notice_reads_as_it_is_written_down(language: Language):
    recipient = replace(ANNA, language=language)
    walk = []
    for notice in NOTICES:
        message = written(notice, recipient)
        walk.append((message["Subject"], text_of(message)))

    golden = Path(__file__).parent / f"notices.{language.value}.txt"
    assert_as_reviewed(transcript(walk), golden)


def test_a_message_says_that_a_machine_wrote_it_and_who_for_whom_and_when():
    message = written(NOTICES[0])

    assert dict(message.items()) == {
        "From": "Northwind sign-on <no-reply@corp.example>",
        "To": "anna.berg@corp.example",
        "Subject": "Northwind: A passkey was added to your sign-on",
        "Date": "Mon, 02 Nov 2026 08:00:00 +0000",
        "Message-ID": "<a1@corp.example>",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "Content-Language": "en",
        "Content-Type": 'text/plain; charset="utf-8"',
        "Content-Transfer-Encoding": "quoted-printable",
        "MIME-Version": "1.0",
    }


def test_who_reads_answers_is_named():
    answered = replace(LETTERHEAD, reply_to="help@corp.example")

    message = written(NOTICES[0], letterhead=answered)

    assert message["Reply-To"] == "help@corp.example"
    assert "nobody reads answers" not in message.get_content()
    assert "nobody reads answers" in written(NOTICES[0]).get_content()


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("language", list(Language))
def test_what_others_wrote_adds_no_header_no_line_and_no_link(text: str, language: Language):
    plain = written(FactorRenamed(OCCASION, "passkey", "Laptop", "Laptop"), ANNA)
    notice = FactorRenamed(Occasion(NOW, text, text), "passkey", text, text)
    recipient = replace(ANNA, name=text, language=language)
    hostile = replace(LETTERHEAD, sender_name=text, organization=text)

    message = written(notice, recipient)

    for each in (message, written(notice, recipient, hostile)):
        assert list(each.keys()) == list(plain.keys())
        assert each["To"] == "anna.berg@corp.example"
        assert len(text_of(each).splitlines()) <= len(text_of(plain).splitlines())
    body = text_of(message).replace(LETTERHEAD.help_url, "")
    assert "\r" not in body
    assert re.findall(r"\w[.。\uff0e｡]\w*[^\W\d]|\w:/|\w@\w|\x1b|\u202e", body) == []
    assert max(map(len, body.splitlines())) < 160


@given(st.text(), st.text(), st.text())
def test_any_name_can_be_written_and_sent(name: str, device: str, organization: str):
    recipient = replace(ANNA, name=name)
    letterhead = replace(LETTERHEAD, organization=organization, sender_name="")

    message = compose(
        FactorAdded(OCCASION, "passkey", device), letterhead, recipient, "a1@corp.example", NOW
    )

    raw = message.as_bytes()
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) < 998
    assert raw.replace(b"\r\n", b"").count(b"\n") == raw.replace(b"\r\n", b"").count(b"\r") == 0
    again = message_from_bytes(raw, policy=policy.default)
    (sender,) = again["From"].addresses
    assert sender.addr_spec == "no-reply@corp.example"
    subject = one_line(f"{organization}: A passkey was added to your sign-on", 120)
    assert again["Subject"].replace("= ?", "=?") == subject
    assert again["To"] == "anna.berg@corp.example"


@given(st.text(max_size=400))
def test_what_is_made_harmless_is_one_short_line_that_can_be_seen(text: str):
    line = one_line(text)

    assert len(line) <= 60
    assert line == one_line(line)
    assert line.isprintable()
    assert unlinked(text).replace(" ", "") == line.replace(" ", "")


@given(st.text())
def test_of_an_address_only_one_mailbox_remains(text: str):
    address = to_mailbox(text)

    assert address is None or (
        address.count("@") == 1 and address.isprintable() and not set(address) & set(' <>,;:"\\()')
    )


@pytest.mark.parametrize(
    "address",
    [
        "",
        "anna",
        "anna@",
        "@corp.example",
        "anna@corp.example, eve@evil.example",
        "anna@corp.example>\r\nRCPT TO:<eve@evil.example",
        "Anna <anna@corp.example>",
        "anna@corp@evil.example",
        " anna@corp.example",
        '"an na"@corp.example',
        "anna@-" + "x" * 64 + ".example",
        "anna@..example",
        "a" * 250 + "@corp.example",
    ],
)
def test_what_is_no_address_gets_no_mail(address: str):
    assert to_mailbox(address) is None


def test_an_address_beyond_ascii_keeps_its_name_and_gets_a_domain_that_servers_know():
    recipient = replace(ANNA, address=to_mailbox("jürgen@bücher.example"))

    message = compose(NOTICES[0], LETTERHEAD, recipient, "a1@corp.example", NOW)

    assert recipient.address == "jürgen@xn--bcher-kva.example"
    assert "To: jürgen@xn--bcher-kva.example\r\n" in message.as_bytes().decode()


WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "browser"),
    [
        (
            f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/156.0 Safari/537.36 Edg/156.0",
            ("Edge", "Windows"),
        ),
        (
            f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) {WEBKIT} CriOS/156.0 Safari/604",
            ("Chrome", "iPhone"),
        ),
        (
            f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Version/18.0 Safari/605",
            ("Safari", "macOS"),
        ),
        (
            f"Mozilla/5.0 (Linux; Android 15; Pixel 9) {WEBKIT} Chrome/156.0 Mobile Safari/537.36",
            ("Chrome", "Android"),
        ),
        ("curl/8.9", ("", "")),
        ("x" * 512 + "Firefox/140", ("", "")),
    ],
)
def test_a_browser_is_called_as_people_call_it(user_agent: str, browser: tuple[str, str]):
    assert describe(user_agent) == browser


def test_of_what_a_browser_says_only_words_of_ours_are_told():
    lie = "Firefox/1 on Windows. Call +1 555 0100 now"

    content = text_of(written(FactorAdded(Occasion(NOW, "", lie), "passkey")))

    assert "  Browser: Firefox on Windows\n" in content
    assert "555" not in content


def test_german_has_every_text_and_none_too_many():
    used: set[str] = set()
    source = "".join(
        (files("connector.mail") / name).read_text() for name in ("wording.py", "compose.py")
    )
    # Long texts are written in pieces.
    source = re.sub(r'"\s+"', "", source)

    for notice in NOTICES:
        used.add(word(notice, Language.GERMAN).headline)

    assert len(used) == len({word(notice, Language.ENGLISH).headline for notice in NOTICES})
    assert [text for text in catalogue(Language.GERMAN) if f'"{text}"' not in source] == []
    assert [text for text, german in catalogue(Language.GERMAN).items() if not german] == []
    names = re.compile(r"{(\w+)}")
    assert [
        text
        for text, german in catalogue(Language.GERMAN).items()
        if sorted(names.findall(text)) != sorted(names.findall(german))
    ] == []
