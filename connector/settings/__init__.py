"""What the operator configured, checked as a whole before anything starts.

In: `connector.toml`. Out: `Settings`, frozen, every value typed, every secret read.

Reading order: `values` (durations, limits, secrets), `section` (what tables are made of),
`policy`, `sign_on`, `federation`, `duo`, `mail` and `model` (every key and its default), `load`.
Nothing below this package reads configuration; `bootstrap` hands each part what it needs.
"""

from connector.settings.duo import DuoSettings
from connector.settings.federation import RouteSettings, UpstreamSettings
from connector.settings.load import check_settings, load_settings
from connector.settings.mail import MailSettings
from connector.settings.model import LimitSettings, Settings, SourceSettings, TargetSettings
from connector.settings.policy import (
    ApplicationRules,
    GroupPolicySettings,
    PolicySettings,
    Rules,
)
from connector.settings.sign_on import ApplicationSettings, IdpSettings, LinkSettings
from connector.settings.values import Limit, Listen, Secret

__all__ = [
    "ApplicationRules",
    "ApplicationSettings",
    "DuoSettings",
    "GroupPolicySettings",
    "IdpSettings",
    "Limit",
    "LimitSettings",
    "LinkSettings",
    "Listen",
    "MailSettings",
    "PolicySettings",
    "RouteSettings",
    "Rules",
    "Secret",
    "Settings",
    "SourceSettings",
    "TargetSettings",
    "UpstreamSettings",
    "check_settings",
    "load_settings",
]
