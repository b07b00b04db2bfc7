"""What the tests of mail have in common: a person, a letterhead, letters, every kind of notice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connector.mail.compose import Letterhead, Recipient
from connector.mail.letter import Letter
from connector.mail.notice import (
    AccountLockedOut,
    BypassCodeIssued,
    BypassCodeUsed,
    DeviceRemembered,
    FactorAdded,
    FactorDisabled,
    FactorRemoved,
    FactorRenamed,
    FactorsReset,
    Occasion,
    RecoveryCodesMade,
    RecoveryCodeUsed,
)
from connector.mail.translation import Language

NOW = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
OCCASION = Occasion(NOW, "192.0.2.7", FIREFOX)
AT_HELP_DESK = Occasion(NOW)
LETTERHEAD = Letterhead(
    "Northwind", "https://help.corp.example/", "no-reply@corp.example", "Northwind sign-on"
)
ANNA = Recipient("anna.berg@corp.example", "Anna Berg", Language.ENGLISH)

NOTICES = [
    FactorAdded(OCCASION, "passkey", "Laptop"),
    FactorAdded(OCCASION, "totp", "Phone"),
    FactorAdded(OCCASION, "duo"),
    FactorRemoved(OCCASION, "passkey", "Laptop"),
    FactorRemoved(AT_HELP_DESK, "totp", "Phone", is_by_help_desk=True),
    FactorRemoved(OCCASION, "duo"),
    FactorRenamed(OCCASION, "passkey", "Laptop", "Old laptop"),
    FactorRenamed(OCCASION, "totp", "Phone", "Old phone"),
    FactorRenamed(OCCASION, "duo", "One", "Other"),
    FactorDisabled(OCCASION, "passkey", "Laptop"),
    FactorDisabled(OCCASION, "totp", "Phone"),
    FactorDisabled(OCCASION, "duo"),
    RecoveryCodesMade(OCCASION),
    RecoveryCodeUsed(OCCASION, 9),
    RecoveryCodeUsed(OCCASION, 2),
    RecoveryCodeUsed(OCCASION, 0),
    BypassCodeIssued(AT_HELP_DESK, NOW + timedelta(hours=1), 1),
    BypassCodeIssued(AT_HELP_DESK, NOW + timedelta(hours=1), 3),
    BypassCodeUsed(OCCASION, 0),
    BypassCodeUsed(OCCASION, 2),
    DeviceRemembered(OCCASION, NOW + timedelta(days=30)),
    FactorsReset(AT_HELP_DESK),
    AccountLockedOut(OCCASION, NOW + timedelta(minutes=30)),
    AccountLockedOut(Occasion(NOW, "192.0.2.7", "curl/8")),
]


def letter(letter_id: str = "a1", recipient: str = "anna.berg@corp.example", at=NOW) -> Letter:
    message = f"Message-ID: <{letter_id}@corp.example>\r\nSubject: test\r\n\r\n.\r\n..two\r\n"
    return Letter(letter_id, "anna-1", "factor-added", recipient, message.encode(), at)
