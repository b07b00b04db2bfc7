"""What a person is called between us and one service provider (Core section 2.2.3). Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from connector.idp.names import PERSISTENT_FORMAT
from connector.idp.xmldsig import Element


@dataclass(frozen=True, slots=True)
class NameId:
    """Who a message is about.

    Attributes:
        value: As the service provider knows the person.
        format: URI that says what kind of name it is.
        qualifier: entity_id of whose name it is; "" for a name that is good everywhere.
        sp_qualifier: entity_id of for whom it is.

    """

    value: str
    format: str
    qualifier: str = ""
    sp_qualifier: str = ""


def qualified(name_id: NameId, issuer: str, audience: str) -> NameId:
    """Return a name with those between whom alone it holds, if it is of that kind (s8.3.7)."""
    if name_id.format != PERSISTENT_FORMAT:
        return name_id
    return replace(name_id, qualifier=issuer, sp_qualifier=audience)


def to_element(name_id: NameId) -> Element:
    """Return a name as messages have it."""
    attributes = {"Format": name_id.format}
    if name_id.qualifier:
        attributes["NameQualifier"] = name_id.qualifier
    if name_id.sp_qualifier:
        attributes["SPNameQualifier"] = name_id.sp_qualifier
    return Element("saml:NameID", attributes, (name_id.value,))
