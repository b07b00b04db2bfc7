"""Every key of `connector.toml`, with its default; the manual's table is checked against this."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, model_validator

from connector.settings.duo import DuoSettings
from connector.settings.federation import RouteSettings, UpstreamSettings
from connector.settings.mail import MailSettings
from connector.settings.policy import PolicySettings
from connector.settings.section import EntryName, Groups, HttpsUrl, LdapUrl, LeftPath, Name, Section
from connector.settings.sign_on import ApplicationSettings, IdpSettings, LinkSettings
from connector.settings.values import (
    Duration,
    FileField,
    Limit,
    LimitField,
    Listen,
    ListenField,
    PathField,
    SecretField,
    StateUrl,
)


class StateSettings(Section):
    """Where state is kept.

    Attributes:
        url: SQLAlchemy URL; a relative SQLite path is taken from the file's folder.

    """

    url: StateUrl = Field(default="sqlite:///state.db", validate_default=True)


class SourceSettings(Section):
    """The directory that we read.

    Attributes:
        kind: "ldap", or "file" for a directory kept in a TOML file (for trying things out).
        file: The TOML file of kind "file".
        servers: LDAP URLs, tried in order.
        start_tls: Upgrade ldap:// connections by StartTLS; without it, ldap:// is refused.
        bind_dn: Who reads (a DN or user principal name).
        password: Its password.
        base: Where searches begin.
        user_filter: Which entries are users; by default not AD's own accounts, such as krbtgt.
        group_filter: Which entries are groups.
        ca_file: Certificates that the servers' certificates must lead to; default: the system's.
        page_size: Entries asked for at a time (RFC 2696).
        timeout: How long one answer may take.
        canaries: Distinguished names of entries that must be seen, with every attribute that the
            mapping asks for; otherwise nobody is taken for gone because they did not come.
        max_shrink: How many known entries may be lacking, without evidence that they are gone.
        user_mapping: Mapping file of users.
        group_mapping: Mapping file of groups.

    """

    kind: Literal["ldap", "file"] = "ldap"
    file: FileField | None = None
    servers: tuple[LdapUrl, ...] = ()
    start_tls: bool = True
    bind_dn: str = ""
    password: SecretField | None = None
    base: str = ""
    user_filter: str = (
        "(&(objectCategory=person)(objectClass=user)(!(isCriticalSystemObject=TRUE)))"
    )
    group_filter: str = "(objectCategory=group)"
    ca_file: FileField | None = None
    page_size: int = Field(default=1000, ge=1, le=5000)
    timeout: Duration = timedelta(seconds=30)
    canaries: tuple[EntryName, ...] = ()
    max_shrink: LimitField = Limit(share=0.2)
    user_mapping: str = "active_directory.user.toml"
    group_mapping: str = "active_directory.group.toml"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needed = ("file",) if self.kind == "file" else ("servers", "bind_dn", "password", "base")
        missing = [key for key in needed if not getattr(self, key)]
        if missing:
            message = f'kind "{self.kind}" also needs: {", ".join(missing)}'
            raise ValueError(message)
        return self


class ScheduleSettings(Section):
    """When cycles run.

    Attributes:
        every: Time from one cycle's start to the next.
        cron: Or: a crontab line in UTC.
        full_every: How often everything is read, however little changed.

    """

    every: Duration = timedelta(minutes=5)
    cron: str | None = None
    full_every: Duration = timedelta(hours=24)


class LimitSettings(Section):
    """What may be done to a target at most, in one cycle and within a day; more is held whole.

    Attributes:
        max_deletes: Deletions.
        max_disables: Accounts switched off.
        max_updates: Accounts and groups changed.
        max_group_removals: Members taken out of one group, of those that it holds.

    """

    max_deletes: LimitField = Limit(count=20)
    max_disables: LimitField = Limit(share=0.1)
    max_updates: LimitField = Limit(share=0.5)
    max_group_removals: LimitField = Limit(share=0.5)


_KEYS_OF_KIND = {"scim": ("base_url", "token"), "mimecast-api": ("client_id", "client_secret")}
# Answers for every region; a region's own address keeps the data there.
MIMECAST_API_URL = "https://api.services.mimecast.com"
DIALECTS = {"scim": "scim.toml", "mimecast-api": "mimecast_api.toml"}


class TargetSettings(Section):
    """One system that we keep in step.

    Attributes:
        name: How the command line and the logs call it.
        kind: The protocol: "scim" (RFC 7644), or "mimecast-api" for Mimecast's API 2.0.
        base_url: Where its SCIM service is; of the API, a region's address or the default.
        token: Bearer token; "scim" only.
        client_id: Of the API application; "mimecast-api" only, like the next two.
        client_secret: Of the API application.
        folder: Description of the folder at Mimecast that groups are kept in; omitted: the top.
        mapping: Dialect file: what the target accepts and how it wants it.
        groups: Distinguished names of the groups whose members are in scope, nested ones
            included; "*" for everybody. Omitted: nobody.
        push_groups: Distinguished names of groups to create there; "scope" for those of `groups`
            and the groups within them ("*": all groups); "none".
        mode: "sync"; "upsert-only" never disables or deletes; "create-only" never changes either.
        deprovision: What happens to accounts that leave the scope.
        grace: How long a disabled account is kept before "disable-then-delete" deletes it.
        concurrency: Requests in flight at most.
        rate: Requests a second at most; None for no limit of ours.
        timeout: How long one answer may take.
        ca_file: Certificates that the target's certificate must lead to; default: the system's.
        limits: The guard.
        first_cycle: "review": if the target is not empty, the first plan waits until an operator
            has approved it; "send": it does not.
        drift: What is done about what others change there of what is ours: "report" it, "repair"
            it by the next cycles within the limits, or "off": do not look.
        drift_every: Time from one comparison with what is there to the next.
        leave: SCIM attribute paths of people that belong to the target: a new account gets them,
            and they are never changed later.

    """

    name: Name
    kind: Literal["scim", "mimecast-api"] = "scim"
    base_url: HttpsUrl = ""
    token: SecretField | None = None
    client_id: str = ""
    client_secret: SecretField | None = None
    folder: str = ""
    mapping: str = ""
    groups: Groups = ()
    push_groups: Literal["scope", "none"] | tuple[EntryName, ...] = "scope"
    mode: Literal["sync", "upsert-only", "create-only"] = "sync"
    deprovision: Literal["disable", "delete", "disable-then-delete"] = "disable"
    grace: Duration = timedelta(days=30)
    concurrency: int = Field(default=8, ge=1, le=64)
    rate: float | None = Field(default=None, gt=0)
    timeout: Duration = timedelta(seconds=30)
    ca_file: FileField | None = None
    limits: LimitSettings = LimitSettings()
    first_cycle: Literal["review", "send"] = "review"
    drift: Literal["report", "repair", "off"] = "report"
    drift_every: Duration = timedelta(hours=24)
    leave: tuple[LeftPath, ...] = ()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needed = _KEYS_OF_KIND[self.kind]
        others = {key for keys in _KEYS_OF_KIND.values() for key in keys} - set(needed)
        if self.kind == "scim":
            others |= {"folder"}
        missing = [key for key in needed if not getattr(self, key)]
        if missing:
            message = f'kind "{self.kind}" also needs: {", ".join(missing)}'
            raise ValueError(message)
        wrong = sorted(others & self.model_fields_set - {"base_url"})
        if wrong:
            message = f'kind "{self.kind}" has no: {", ".join(wrong)}'
            raise ValueError(message)
        if self.kind == "mimecast-api" and self.deprovision != "disable":
            message = 'deprovision must be "disable": this API deletes nobody'
            raise ValueError(message)
        if self.mode == "create-only" and self.drift == "repair":
            message = (
                'drift must be "report" or "off": mode "create-only" never changes what is there'
            )
            raise ValueError(message)
        object.__setattr__(self, "base_url", self.base_url or MIMECAST_API_URL)
        object.__setattr__(self, "mapping", self.mapping or DIALECTS[self.kind])
        return self


class OperationsSettings(Section):
    """Health and metrics, for operators only.

    Attributes:
        listen: Address and port; keep it off the public network.

    """

    listen: ListenField = Listen("127.0.0.1", 9090)


class LogSettings(Section):
    """The log.

    Attributes:
        level: The least that is written.
        format: "json" for machines, "text" for people, "auto": text on a terminal.

    """

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "text"] = "auto"


class Settings(Section):
    """The whole file.

    Attributes:
        mappings: The operator's folder of mapping files; it comes before the ones we ship.
        policy: What is asked of whoever signs in, at all applications; omitted: no second factor.

    """

    state: StateSettings = Field(default_factory=dict, validate_default=True)
    source: SourceSettings
    schedule: ScheduleSettings = ScheduleSettings()
    target: tuple[TargetSettings, ...] = ()
    idp: IdpSettings | None = None
    application: tuple[ApplicationSettings, ...] = ()
    link: tuple[LinkSettings, ...] = ()
    upstream: tuple[UpstreamSettings, ...] = ()
    route: tuple[RouteSettings, ...] = ()
    duo: DuoSettings | None = None
    policy: PolicySettings | None = None
    mail: MailSettings | None = None
    operations: OperationsSettings = OperationsSettings()
    log: LogSettings = LogSettings()
    mappings: PathField = Field(default="mappings", validate_default=True)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for kind, names in (
            ("target", [target.name for target in self.target]),
            ("application", [application.name for application in self.application]),
            ("upstream", [upstream.name for upstream in self.upstream]),
        ):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                message = f"{kind} names must differ; used twice: {', '.join(twice)}"
                raise ValueError(message)
        targets = {target.name for target in self.target}
        for application in self.application:
            if application.target and application.target not in targets:
                message = (
                    f"application {application.name}: target must be the name of a [[target]]"
                    f" ({', '.join(sorted(targets)) or 'there is none'}),"
                    f" not {application.target!r}"
                )
                raise ValueError(message)
        served = ("application", "link", "upstream", "route", "duo", "policy", "mail")
        if self.idp is None and (idle := [key for key in served if getattr(self, key)]):
            message = f"{', '.join(idle)}: of use only with a section [idp]"
            raise ValueError(message)
        self._require_known(self.duo.open_for if self.duo else ())
        return self

    def _require_known(self, names: tuple[str, ...]) -> None:
        """Go on if these are names of applications."""
        known = [application.name for application in self.application]
        if unknown := [name for name in names if name not in known]:
            message = (
                f"duo.open_for must name applications ({', '.join(known) or 'there is none'}),"
                f" not {', '.join(unknown)}"
            )
            raise ValueError(message)
