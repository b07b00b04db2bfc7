"""Every sentence that a browser shows, by key and language; the door to the gettext library.

The sentences are in `locale/`, one file a language, in gettext's format; the keys are the same in
all of them. What a person reads says what to do next, and never why a login failed: the audit
knows that.
"""

from __future__ import annotations

import gettext
from dataclasses import dataclass
from datetime import UTC
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from babel import Locale
from babel.dates import format_date
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from babel.messages.catalog import Message

# The first is for whoever asks for none of them; it has every sentence.
LANGUAGES: Final = ("en", "de")
LOCALE_FOLDER: Final = Path(__file__).parent / "locale"


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """What the pages say in one language.

    Attributes:
        language: Its tag, such as "de" (RFC 5646).
        locale: How it writes numbers and dates.
        sentences: By key; several forms for one with a count in it, else one.
        form: Which of the forms goes with a count.

    """

    language: str
    locale: Locale
    sentences: Mapping[str, tuple[str, ...]]
    form: Callable[[int], int]

    def text(self, key: str, **values: str) -> str:
        """Return the sentence of that key with its values.

        >>> read_words("de").text("opening", application="Payroll")
        'Payroll wird geöffnet'

        """
        return self.sentences[key][0].format(**values)

    def message(self, key: str) -> str:
        """Return what a login's message key says; "" for none, the general one for one unknown."""
        return self.text(key if self.knows(key) else "failed") if key else ""

    def several(self, key: str, count: int, **values: str) -> str:
        """Return the sentence of that key in the form for so many.

        >>> read_words("en").several("days", 1), read_words("en").several("days", 3)
        ('a day', '3 days')

        """
        forms = self.sentences[key]
        chosen = forms[min(self.form(count), len(forms) - 1)]
        return chosen.format(count=self.number(count), **values)

    def number(self, number: int) -> str:
        """Return a number as people write it.

        >>> read_words("en").number(10_000), read_words("de").number(10_000)
        ('10,000', '10.000')

        """
        return format_decimal(number, locale=self.locale)

    def day(self, moment: datetime) -> str:
        """Return the date, in UTC, of a moment with a time zone; such as "2 November 2026"."""
        return format_date(moment.astimezone(UTC), format="long", locale=self.locale)

    def moment(self, moment: datetime) -> str:
        """Return date and time of a moment with a time zone.

        >>> from datetime import datetime
        >>> moment = datetime(2026, 11, 2, 8, tzinfo=UTC)
        >>> read_words("en").moment(moment), read_words("de").moment(moment)
        ('2 November 2026, 08:00 UTC', '2. November 2026, 08:00 UTC')

        """
        return f"{self.day(moment)}, {moment.astimezone(UTC):%H:%M} UTC"

    def knows(self, key: str) -> bool:
        """Return whether there is a sentence of that key."""
        return key in self.sentences


@cache
def read_words(language: str, folder: Path = LOCALE_FOLDER) -> Words:
    """Return the words of one of our languages; what it does not have is said in the first.

    Args:
        language: One of `LANGUAGES`.
        folder: Where their files are.

    """
    with (folder / f"{language}.po").open("rb") as file:
        catalogue = read_po(file)
    sentences = {
        _key(message): _forms(message)
        for message in catalogue
        if message.id and all(_forms(message)) and not message.fuzzy
    }
    if language != LANGUAGES[0]:
        sentences = {**read_words(LANGUAGES[0], folder).sentences, **sentences}
    form = gettext.c2py(catalogue.plural_expr)
    locale = Locale.parse(catalogue.locale_identifier)
    return Words(language, locale, MappingProxyType(sentences), form)


def _key(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def _forms(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ())
