"""The sentences of the pages: each in every language, and none that is missing or in vain."""

from __future__ import annotations

import re
import string
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import get_args

import pytest
from babel.messages.pofile import read_po

import connector
from connector.idp.logout.view import Outcome
from connector.idp.reason import Reason
from connector.settings.sign_on import Language
from connector.web.words import LANGUAGES, LOCALE_FOLDER, read_words

FOLDER = Path(connector.__file__).parent
SOURCES = {
    path: path.read_text(encoding="utf-8")
    for path in sorted(FOLDER.rglob("*"))
    if path.suffix in {".py", ".html"}
}
# Where a sentence is asked for by its key.
ASKED = re.compile(r"\b(?:text|message|several|t|knows)\(\s*f?\"([a-z0-9-]+)[\"{]")
NOTICES = re.compile(r"\.notice\(\s*\"([a-z0-9-]+)\"")
QUOTED = re.compile(r"[\"']([a-z0-9-]+)[\"']")


def catalogue(language):
    """Return what the file says, forms of a sentence as a tuple, by key."""
    with (LOCALE_FOLDER / f"{language}.po").open("rb") as file:
        messages = read_po(file, abort_invalid=True)
    return {message.id[0] if message.pluralizable else message.id: message for message in messages if message.id}  # fmt: skip


def forms(message) -> tuple[str, ...]:
    return message.string if message.pluralizable else (message.string,)


def placeholders(message) -> set[str]:
    parts = [part for form in forms(message) for part in string.Formatter().parse(form)]
    return {name for _, name, _, _ in parts if name is not None}


def keys_asked_for() -> set[str]:
    web = [text for path, text in SOURCES.items() if FOLDER / "web" in path.parents]
    keys = {key for text in web for key in ASKED.findall(text)}
    for key in (key for text in web for key in NOTICES.findall(text)):
        keys |= {key, f"{key}-heading"}
    return {key for key in keys if not key.endswith("-")} | set(Outcome)


def beginnings() -> tuple[str, ...]:
    """Return what keys begin with that are put together, such as those of the kinds of factors."""
    web = [text for path, text in SOURCES.items() if FOLDER / "web" in path.parents]
    return tuple({key for text in web for key in ASKED.findall(text) if key.endswith("-")})


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_every_sentence(language):
    english, other = catalogue(LANGUAGES[0]), catalogue(language)

    assert list(other) == list(english)
    unsaid = [key for key, message in other.items() if message.fuzzy or not all(forms(message))]
    assert unsaid == []
    assert [key for key in english if len(forms(other[key])) > 1 < len(forms(english[key]))] == [
        key for key in english if len(forms(english[key])) > 1
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_values_in_a_sentence(language):
    english, other = catalogue(LANGUAGES[0]), catalogue(language)

    differing = [key for key in english if placeholders(english[key]) != placeholders(other[key])]
    assert differing == []


def test_every_sentence_that_is_asked_for_is_there():
    assert sorted(keys_asked_for() - set(catalogue("en"))) == []


def test_no_sentence_is_there_in_vain():
    quoted = {word for text in SOURCES.values() for word in QUOTED.findall(text)} | set(Reason)
    headings = {f"{key}-heading" for key in quoted}
    by_status = {key for key in catalogue("en") if re.fullmatch(r"4\d\d(-heading)?", key)}

    composed = {key for key in catalogue("en") if key.startswith(beginnings())}
    assert sorted(set(catalogue("en")) - quoted - headings - by_status - composed) == []


def test_no_beginning_of_a_key_leads_nowhere():
    keys = catalogue("en")

    assert [each for each in beginnings() if not any(key.startswith(each) for key in keys)] == []


def test_a_sentence_is_not_cut_by_its_file():
    """A line of the file that ends without a blank would join two words."""
    for language in LANGUAGES:
        source = (LOCALE_FOLDER / f"{language}.po").read_text(encoding="utf-8")
        broken = re.findall(r"[^\"\s]\"\n\"\S.*", source.partition("\n\n")[2])
        assert broken == []


def test_what_one_language_lacks_is_said_in_english(tmp_path):
    begun = (
        'msgid ""\nmsgstr ""\n"Language: {}\\n"\n'
        '"Content-Type: text/plain; charset=UTF-8\\n"\n'
        '"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n\n'
    )
    english = 'msgid "in"\nmsgstr "In"\n\nmsgid "out"\nmsgstr "Out"\n\nmsgid "on"\nmsgstr "On"\n'
    german = 'msgid "in"\nmsgstr "Herein"\n\nmsgid "out"\nmsgstr ""\n\n#, fuzzy\nmsgid "on"\nmsgstr "?"\n'
    (tmp_path / "en.po").write_text(begun.format("en") + english)
    (tmp_path / "de.po").write_text(begun.format("de") + german)

    words = read_words("de", tmp_path)

    assert [words.text(key) for key in ("in", "out", "on")] == ["Herein", "Out", "On"]


def test_every_language_may_be_chosen_in_the_configuration():
    assert get_args(Language) == ("auto", *LANGUAGES)


def test_a_message_unknown_is_the_one_for_every_failed_login():
    words = read_words("de")

    assert words.message("no-such-key") == words.text("failed")
    assert words.message("") == ""


def test_moments_are_told_in_utc():
    summer = timezone(timedelta(hours=2))
    moment = datetime(2026, 3, 1, 1, 5, tzinfo=summer)

    assert read_words("en").moment(moment) == "28 February 2026, 23:05 UTC"
    assert read_words("de").moment(moment) == "28. Februar 2026, 23:05 UTC"
    assert read_words("de").day(datetime(2026, 12, 24, tzinfo=UTC)) == "24. Dezember 2026"


@pytest.mark.parametrize(
    ("language", "count", "words"),
    [
        ("en", 1, "an hour"), ("en", 2, "2 hours"), ("en", 1500, "1,500 hours"),
        ("de", 1, "eine Stunde"), ("de", 2, "2 Stunden"), ("de", 1500, "1.500 Stunden"),
    ],
)  # fmt: skip
def test_a_count_chooses_the_form_of_a_sentence(language, count, words):
    assert read_words(language).several("hours", count) == words
