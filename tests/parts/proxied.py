"""The daemon of an operator whose proxy says where browsers are, with one application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.demo.sample_saml import sp_metadata
from tests.parts.identity_provider import free_port

if TYPE_CHECKING:
    from tests.parts.operator import Operator
    from tests.parts.samba import Samba

CONFIGURATION = """
[schedule]
every = "1h"

[idp]
base_url = "{base_url}"
listen = "127.0.0.1:{port}"
trusted_proxies = ["127.0.0.1"]
{limits}

[policy]
remembered_devices = "shared"

[[application]]
name = "Intranet"
metadata = "application.xml"
groups = "*"

[operations]
listen = "127.0.0.1:{operations}"

[log]
format = "json"
"""


def configured(operator: Operator, samba: Samba, limits: str = "") -> str:
    """Write the configuration; return where browsers come.

    Args:
        operator: Whose folder it is.
        samba: Where the people are.
        limits: Keys of [idp].

    """
    port = free_port()
    base_url = f"http://localhost:{port}"
    (operator.folder / "application.xml").write_text(sp_metadata("https://intranet.corp.example"))
    values = {"base_url": base_url, "port": port, "operations": free_port(), "limits": limits}
    operator.configure(operator.write_source(samba), CONFIGURATION.format(**values))
    return base_url
