"""The one import of ldap3 (2.9.1), without what it makes pyasn1 complain about."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    # ldap3 asks pyasn1 for names that are deprecated since its 0.6
    warnings.filterwarnings("ignore", r"(tag|type)Map is deprecated", DeprecationWarning)
    import ldap3
    from ldap3.core import exceptions, results
    from ldap3.operation.modify import modify_operation
    from ldap3.operation.search import parse_filter, search_operation
    from ldap3.protocol.rfc2696 import paged_search_control
    from ldap3.strategy.base import RESPONSE_COMPLETE, SESSION_TERMINATED_BY_SERVER
    from ldap3.strategy.sync import SyncStrategy
    from ldap3.utils.asn1 import decode_message_fast

__all__ = [
    "RESPONSE_COMPLETE",
    "SESSION_TERMINATED_BY_SERVER",
    "SyncStrategy",
    "decode_message_fast",
    "exceptions",
    "ldap3",
    "modify_operation",
    "paged_search_control",
    "parse_filter",
    "results",
    "search_operation",
]
