"""Somebody who visits our pages without a browser: follows links, fills in forms, keeps cookies."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
from lxml import html


class AsgiTransport(httpx.BaseTransport):
    """Hands requests to an ASGI application, one event loop each; for synchronous tests."""

    def __init__(self, app, peer: str = "192.0.2.7") -> None:
        self._inner = httpx.ASGITransport(app, raise_app_exceptions=False, client=(peer, 40000))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return asyncio.run(self._send(request, request.read()))

    async def _send(self, request: httpx.Request, body: bytes) -> httpx.Response:
        plain = httpx.Request(request.method, request.url, headers=request.headers, content=body)
        answer = await self._inner.handle_async_request(plain)
        content = b"".join([chunk async for chunk in answer.stream])
        return httpx.Response(answer.status_code, headers=answer.headers, content=content)


@dataclass
class Page:
    """A page as the visitor sees it."""

    answer: httpx.Response
    url: str

    @property
    def status(self) -> int:
        return self.answer.status_code

    @property
    def tree(self) -> html.HtmlElement:
        return html.fromstring(self.answer.text)

    @property
    def heading(self) -> str:
        return self.tree.find(".//h1").text_content().strip()

    @property
    def alert(self) -> str:
        """What the page says went wrong; "" for nothing."""
        found = self.tree.xpath("//*[@role='alert']")
        return found[0].text_content().strip() if found else ""

    def form(self, action: str = "") -> html.FormElement:
        """Return the form whose action ends so."""
        return next(one for one in self.tree.forms if (one.action or "").endswith(action))


@dataclass
class Visitor:
    """A browser's worth of cookies on one application.

    Attributes:
        client: Sends; redirects within our origin are followed by `get` and `submit`.
        seen: Every answer, in order.

    """

    client: httpx.Client
    seen: list[httpx.Response] = field(default_factory=list)

    def get(self, url: str, **headers: str) -> Page:
        return self._follow(self.client.get(url, headers=headers), url)

    def post(self, url: str, fields: dict[str, str], **headers: str) -> Page:
        """Post as a page of ours would."""
        ours = {"origin": str(self.client.base_url).rstrip("/"), "sec-fetch-site": "same-origin"}
        return self._follow(self.client.post(url, data=fields, headers=ours | headers), url)

    def submit(self, page: Page, action: str, **typed: str) -> Page:
        """Fill in the form whose action ends so, and send it."""
        form = page.form(action)
        # A box that is not ticked is not sent.
        fields = {name: value for name, value in form.fields.items() if value is not None}
        return self.post(form.action, {**fields, **typed})

    def sign_in(self, url: str, email: str, password: str) -> Page:
        """Go through both questions; return what comes after."""
        asked = self.submit(self.get(url), "/email", email=email)
        return self.submit(asked, "/password", password=password)

    def _follow(self, answer: httpx.Response, url: str) -> Page:
        self.seen.append(answer)
        while answer.has_redirect_location:
            url = answer.headers["location"]
            assert urlsplit(url).netloc in {"", urlsplit(str(self.client.base_url)).netloc}
            answer = self.client.get(url)
            self.seen.append(answer)
        return Page(answer, url)


def visit(app, base_url: str, peer: str = "192.0.2.7") -> Visitor:
    """Return a new visitor of that application, with no cookies."""
    return Visitor(httpx.Client(transport=AsgiTransport(app, peer), base_url=base_url))
