"""Whether a browser may go on with a login: it is its own, and its form is of the step at hand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from connector.errors import RequestRefused
from connector.idp.reason import Reason
from connector.idp.transaction import Step, digest_of, is_step_token

if TYPE_CHECKING:
    from connector.idp.parts import LoginParts
    from connector.idp.transaction import LoginTransaction

_BROWSER = re.compile(r"[A-Za-z0-9_-]{43}")


def give_to_browser(parts: LoginParts, transaction_id: str, browser: str | None) -> str:
    """Give a login to the browser that comes first, and return its cookie's value.

    Raises:
        RequestRefused: if another browser has it already, or there is no such login.

    """
    known = parts.store.transaction(transaction_id, parts.clock.now()) if browser else None
    if browser and known is not None and known.browser_digest == digest_of(browser):
        return browser
    value = browser if browser and _BROWSER.fullmatch(browser) else parts.new_token(32)
    if not parts.store.bind_browser(transaction_id, digest_of(value)):
        load_login(parts, transaction_id, value)
    return value


def load_login(parts: LoginParts, transaction_id: str, browser: str | None) -> LoginTransaction:
    """Return a login, if it is this browser's.

    Raises:
        RequestRefused: if it is another one's, or there is none.

    """
    transaction = parts.store.transaction(transaction_id, parts.clock.now())
    if transaction is None:
        raise RequestRefused(Reason.TRANSACTION_UNKNOWN)
    if not browser or transaction.browser_digest != digest_of(browser):
        parts.record("login.refused", Reason.OTHER_BROWSER, application=transaction.application)
        raise RequestRefused(Reason.OTHER_BROWSER)
    return transaction


def enter_step(
    parts: LoginParts, transaction_id: str, browser: str | None, token: str, *steps: Step
) -> LoginTransaction:
    """Return a login, if it is at one of these steps and the form was made for that one.

    Raises:
        RequestRefused: if not.

    """
    transaction = load_login(parts, transaction_id, browser)
    reason = ""
    # Which of the two comes next is for the policy to say, when the form is looked at.
    at_hand = (Step.FACTOR, Step.ENROL) if transaction.verified_at else (transaction.step,)
    if transaction.answered_at is not None:
        reason = Reason.TRANSACTION_ENDED
    elif not any(is_step_token(token, parts.secret, transaction, step) for step in steps):
        reason = Reason.STEP_TOKEN
    elif not any(is_step_token(token, parts.secret, transaction, step) for step in at_hand):
        reason = Reason.STEP_SKIPPED
    if reason:
        parts.record("login.refused", reason, application=transaction.application)
        raise RequestRefused(reason)
    return transaction
