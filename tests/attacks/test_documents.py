"""Documents that would make a parser read other files, other words, or for ever."""

from __future__ import annotations

import time
import tracemalloc
import zlib
from base64 import b64encode
from urllib.parse import quote

import pytest

from connector.errors import RequestRefused
from connector.idp.binding import MESSAGE_LIMIT_BYTES, read_redirect
from connector.idp.reason import Reason
from connector.idp.xmldsig import XmlLimits, XmlRefused, parse_xml, text_of
from tests.idp.bench import (
    ADDRESS,
    SP_ENTITY_ID,
    VISIT,
    SignOnBench,
    authn_request,
    posted,
    redirected,
)

REQUEST = authn_request()
BOMB = '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)
)

DOCUMENTS = {
    "entity": (f'<!DOCTYPE r [<!ENTITY x "y">]>{REQUEST}', Reason.XML_DOCTYPE),
    "external entity": (
        '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
        + REQUEST.replace(SP_ENTITY_ID, "&x;"),
        Reason.XML_DOCTYPE,
    ),
    "external document type": (
        f'<!DOCTYPE r SYSTEM "http://192.0.2.1/x.dtd">{REQUEST}',
        Reason.XML_DOCTYPE,
    ),
    "billion laughs": (f"{BOMB}]>{REQUEST.replace(SP_ENTITY_ID, '&j;')}", Reason.XML_DOCTYPE),
    "comment in the issuer": (
        REQUEST.replace(SP_ENTITY_ID, f"{SP_ENTITY_ID}<!-- cut -->.evil.example"),
        Reason.XML_COMMENT,
    ),
    "comment before the root": (f"<!-- x -->{REQUEST}", Reason.XML_COMMENT),
    "comment after the root": (f"{REQUEST}<!-- x -->", Reason.XML_COMMENT),
    "instruction": (REQUEST.replace("<saml:Issuer", "<?x y?><saml:Issuer"), Reason.XML_COMMENT),
    "stylesheet": (f'<?xml-stylesheet href="http://192.0.2.1/"?>{REQUEST}', Reason.XML_COMMENT),
    "undefined entity": (REQUEST.replace(SP_ENTITY_ID, "&nbsp;"), Reason.XML_MALFORMED),
    "an ID twice": (
        REQUEST.replace("</samlp:AuthnRequest>", '<x ID="a"/><x ID="a"/></samlp:AuthnRequest>'),
        Reason.XML_DUPLICATE_ID,
    ),
    "depth": ("<a>" * 200 + "</a>" * 200, Reason.XML_TOO_DEEP),
    "another encoding": (
        f'<?xml version="1.0" encoding="ISO-8859-1"?>{REQUEST}',
        Reason.XML_ENCODING,
    ),
    "nothing": (" ", Reason.XML_MALFORMED),
    "two roots": (REQUEST * 2, Reason.XML_MALFORMED),
}


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("bind", [redirected, posted])
def test_a_document_with_what_honest_saml_never_holds_is_refused(
    bench: SignOnBench, bind, name: str
):
    document, reason = DOCUMENTS[name]

    with pytest.raises(RequestRefused) as refused:
        bench.flow.begin(bind(document), VISIT)

    assert refused.value.reason == reason
    event = bench.parts.audit.recent()[0]
    assert (event.event, event.reason, event.address) == ("request.refused", reason, ADDRESS)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7"])
def test_another_encoding_does_not_hide_a_document_type(encoding: str):
    document = (
        f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE r [<!ENTITY x "y">]><r>&x;</r>'
    )

    with pytest.raises(XmlRefused):
        parse_xml(document.encode(encoding))


def test_a_small_message_does_not_unpack_to_a_large_one():
    deflate = zlib.compressobj(9, wbits=-15)
    packed = b"".join(deflate.compress(b"<" * 1_000_000) for _ in range(200)) + deflate.flush()
    query = b"SAMLRequest=" + quote(b64encode(packed), safe="").encode()
    assert len(query) < 300_000

    tracemalloc.start()
    begun = time.perf_counter()
    with pytest.raises(RequestRefused) as refused:
        read_redirect(query)
    seconds, (_, peak) = time.perf_counter() - begun, tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert refused.value.reason == Reason.XML_TOO_LARGE
    assert peak < 20 * MESSAGE_LIMIT_BYTES
    assert seconds < 1


def test_a_document_just_within_the_limit_is_read():
    size = XmlLimits().size_bytes
    document = b"<a>" + b"x" * (size - 7) + b"</a>"

    assert len(text_of(parse_xml(document))) == size - 7
    with pytest.raises(XmlRefused, match="65536 bytes"):
        parse_xml(document + b" ")


def test_text_is_read_whole_where_comments_are_dropped():
    """A name once ended at the first comment, and became another's (CVE-2017-11427)."""
    limits = XmlLimits(keeps_out_comments=False)

    root = parse_xml(b"<a>ann<!-- x -->@corp<!-- y -->.example</a>", limits)

    assert text_of(root) == "ann@corp.example"
