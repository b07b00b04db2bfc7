"""Find one role in a metadata document, and read what every role has (Metadata section 2.3, 2.4).

Metadata is taken from the operator, by file or https URL, so its signature is asked for only where
the operator gave a certificate; then nothing is read but what was signed. Comments are dropped
before anything is read. Every fault is said at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography import x509

from connector.errors import ConfigurationError, Fault
from connector.idp.names import PROTOCOL
from connector.idp.xmldsig import XmlLimits, XmlRefused, parse_xml, verify_enveloped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from cryptography.x509 import Certificate
    from lxml import etree

_MD = "{urn:oasis:names:tc:SAML:2.0:metadata}"
_LIMITS = XmlLimits(size_bytes=1_048_576, keeps_out_comments=False)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entity of a document is read, and who must have signed the document.

    Attributes:
        entity_id: Its name; "" if there is only one.
        signers: Certificates; empty if nobody must have signed.

    """

    entity_id: str = ""
    signers: Sequence[Certificate] = ()


def to_signers(file: Path | None) -> tuple[Certificate, ...]:
    """Return the certificates of a PEM file; none if there is no file.

    Raises:
        ConfigurationError: if it holds none.

    """
    if file is None:
        return ()
    try:
        return tuple(x509.load_pem_x509_certificates(file.read_bytes()))
    except (OSError, ValueError) as error:
        problem = f"{file.name} holds no certificate in PEM: {error}"
        raise ConfigurationError([Fault("", "metadata_certificate", problem)]) from error


def open_document(document: bytes, origin: str, signers: Sequence[Certificate]) -> etree._Element:
    """Return the root of a metadata document: as it was signed, if somebody must have signed it.

    Raises:
        ConfigurationError: if it is not XML that is read, or not signed by any of them.

    """
    try:
        root = parse_xml(document, _LIMITS)
        return verify_enveloped(root, signers) if signers else root
    except XmlRefused as error:
        raise ConfigurationError([Fault(origin, "", str(error))]) from error


@dataclass(frozen=True, slots=True)
class RoleReader:
    """Reads one document; what is wrong goes into `faults`.

    Attributes:
        origin: File name or URL.
        faults: What is wrong.
        role: "SPSSODescriptor" or "IDPSSODescriptor".
        noun: What that is, in words.
        key: Of the configuration, by which one of several is named.

    """

    origin: str
    faults: list[Fault]
    role: str
    noun: str
    key: str

    def fault(self, key: str, problem: str) -> None:
        """Note what is wrong."""
        self.faults.append(Fault(self.origin, key, problem))

    def key_fault(self, problem: str) -> None:
        """Note what is wrong with a key."""
        self.fault(f"{self.role}.KeyDescriptor", problem)

    def find_role(self, root: etree._Element, entity_id: str) -> tuple[etree._Element, ...]:
        """Return the way to the one role that is meant: the elements from the root to it."""
        every = list(self._roles(root))
        found = [chain for chain in every if entity_id in {"", _entity_id(chain)}]
        if len(found) == 1:
            return found[0]
        if entity_id and every:
            problem = f"describes {len(found)} {self.noun}s with the entity ID {entity_id!r}"
        else:
            problem = f"must describe one SAML 2.0 {self.noun}, describes {len(found)}"
        names = ", ".join(sorted({_entity_id(chain) for chain in every})[:10])
        hint = f"; name one by {self.key}: {names}" if every else ""
        self.fault(self.role, f"{problem}{hint}")
        return ()

    def read_entity_id(self, chain: tuple[etree._Element, ...]) -> str:
        """Return the name of the entity."""
        entity_id = _entity_id(chain)
        if not entity_id or len(entity_id) > 1024:
            self.fault("EntityDescriptor.entityID", "must be there, with at most 1024 characters")
        return entity_id

    def read_least(
        self, chain: tuple[etree._Element, ...], name: str, read: Callable[[str], Any], words: str
    ) -> Any | None:
        """Return the least value of an attribute that any element of the way has, or None."""
        found = []
        for element in chain:
            text = element.get(name)
            try:
                found += [] if text is None else [read(text)]
            except ValueError:
                self.fault(name, f"is not {words}: {text!r}")
        return min(found, default=None)

    def _roles(
        self, element: etree._Element, above: tuple[etree._Element, ...] = ()
    ) -> Iterator[tuple[etree._Element, ...]]:
        """Yield the way to each role of that kind; what any element on it says holds for all."""
        chain = (*above, element)
        if element.tag == f"{_MD}EntityDescriptor":
            for role in element.findall(f"{_MD}{self.role}"):
                if PROTOCOL in role.get("protocolSupportEnumeration", "").split():
                    yield (*chain, role)
            return
        for child in element:
            if child.tag in {f"{_MD}EntityDescriptor", f"{_MD}EntitiesDescriptor"}:
                yield from self._roles(child, chain)


def _entity_id(chain: tuple[etree._Element, ...]) -> str:
    return chain[-2].get("entityID", "").strip()
