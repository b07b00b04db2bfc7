"""Read what a service provider wishes for in an AuthnRequest (Core section 3.4.1). Pure.

Scoping is not read: whom a service provider would accept as an identity provider behind us is its
own affair, and we vouch for those whom we vouch for (Core section 3.4.1.2 lets us ignore it).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from connector.idp.application.metadata import is_index
from connector.idp.message.context import POSSIBLE_CLASSES, AskedContext, choose_class
from connector.idp.names import (
    EMAIL_FORMAT,
    NAME_ID_FORMATS,
    PERSISTENT_FORMAT,
    TRANSIENT_FORMAT,
    UNSPECIFIED_FORMAT,
)
from connector.idp.reason import Reason
from connector.idp.xmldsig import text_of

if TYPE_CHECKING:
    from lxml import etree

    from connector.idp.application.service_provider import Application

_SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"
_SAMLP = "{urn:oasis:names:tc:SAML:2.0:protocol}"
_COMPARISONS = frozenset({"exact", "minimum", "maximum", "better"})
_SUBJECT_LIMIT = 256
_CLASS_LIMIT = 20


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is wished for besides an answer.

    Attributes:
        name_id_format: URI of the NameID format; "" if any will do.
        subject: NameID of the only person who may be signed in; "" for whoever it is.
        attribute_index: Which set of attributes of its metadata; None for the usual one.
        context_classes: How the person is to be authenticated; empty for any way.
        comparison: How those classes are meant.
        unmet: Why the answer can only be an error (a word of `Reason`), or "".

    """

    name_id_format: str = ""
    subject: str = ""
    attribute_index: int | None = None
    context_classes: tuple[str, ...] = ()
    comparison: str = "exact"
    unmet: str = ""


def read_wishes(root: etree._Element, application: Application) -> Wishes:
    """Return what an AuthnRequest wishes for."""
    name_id_format, problem = _read_policy(root, application)
    subject, subject_format, subject_problem = _read_subject(root, application)
    if subject_format and name_id_format not in {"", subject_format}:
        # The person would be named as somebody else than asked for (Core section 3.3.4).
        subject_problem = Reason.NAME_ID_UNSUPPORTED
    asked, context_problem = _read_context(root, application)
    index = root.get("AttributeConsumingServiceIndex", "")
    return Wishes(
        name_id_format or subject_format,
        subject,
        int(index) if is_index(index) else None,
        asked.classes,
        asked.comparison,
        problem or subject_problem or context_problem,
    )


def _read_policy(root: etree._Element, application: Application) -> tuple[str, str]:
    """Return the format that NameIDPolicy asks for, and what is wrong with it (section 3.4.1.1).

    AllowCreate needs no heed: whoever may be named is in the directory already.
    """
    policy = root.find(f"{_SAMLP}NameIDPolicy")
    if policy is None:
        return "", ""
    wanted, qualifier = policy.get("Format", ""), policy.get("SPNameQualifier", "")
    is_known = wanted in {"", application.name_id_format, *NAME_ID_FORMATS}
    # Names for a group of service providers are not kept.
    is_its_own = qualifier in {"", *application.service_provider.names}
    problem = "" if is_known and is_its_own else Reason.NAME_ID_UNSUPPORTED
    return "" if wanted == UNSPECIFIED_FORMAT else wanted, problem


def _read_subject(root: etree._Element, application: Application) -> tuple[str, str, str]:
    """Return who is asked for, in which format, and why that cannot be told.

    Profiles section 4.1.4.1: the subject of such a request must not be confirmed by anything.
    """
    subject = root.find(f"{_SAML}Subject")
    if subject is None:
        return "", "", ""
    name_id = subject.find(f"{_SAML}NameID")
    value = text_of(name_id)
    if name_id is None or len(subject) != 1 or not 1 <= len(value) <= _SUBJECT_LIMIT:
        return "", "", Reason.SUBJECT_UNSUPPORTED
    wanted = name_id.get("Format", "")
    wanted = "" if wanted == UNSPECIFIED_FORMAT else wanted
    known = {"", EMAIL_FORMAT, PERSISTENT_FORMAT, application.name_id_format} - {TRANSIENT_FORMAT}
    if wanted not in known or not value.isprintable():
        return "", "", Reason.SUBJECT_UNSUPPORTED
    return value, wanted, ""


def _read_context(root: etree._Element, application: Application) -> tuple[AskedContext, str]:
    """Return how the person is to be authenticated, and the problem if nobody here ever is.

    Elsewhere they may be: see `federation.may_be_met_elsewhere`.
    """
    element = root.find(f"{_SAMLP}RequestedAuthnContext")
    if element is None:
        return AskedContext(), ""
    classes = [text_of(each) for each in element.findall(f"{_SAML}AuthnContextClassRef")]
    asked = AskedContext(
        tuple(classes[:_CLASS_LIMIT]),
        element.get("Comparison", "exact"),
        application.tolerated_contexts,
    )
    # Declarations (AuthnContextDeclRef) are agreed on between two parties; with us nobody has.
    if not asked.classes or asked.comparison not in _COMPARISONS:
        return AskedContext(), Reason.AUTHN_CONTEXT_UNSUPPORTED
    is_met = any(choose_class(asked, used) for used in POSSIBLE_CLASSES)
    return asked, "" if is_met else Reason.AUTHN_CONTEXT_UNSUPPORTED
