"""Make an application of a service provider and of what the operator decided about it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from connector.errors import ConfigurationError, Fault
from connector.idp.application.attribute_path import find_path_fault
from connector.idp.application.attribute_set import USUAL_SET, compile_attributes
from connector.idp.application.metadata import is_web_address
from connector.idp.application.service_provider import (
    AcsEndpoint,
    Application,
    ServiceProvider,
    to_slug,
)
from connector.idp.names import EMAIL_FORMAT, NAME_ID_FORMATS, UNSPECIFIED_FORMAT, Binding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from connector.idp.application.attribute import AttributeRule
    from connector.idp.application.attribute_set import AttributeSets
    from connector.idp.application.preset import Preset
    from connector.idp.xmlenc.method import Recipient
    from connector.settings import ApplicationSettings


@dataclass(frozen=True, slots=True)
class Assembler:
    """Makes one application; what is wrong goes into `faults`, with its key.

    Attributes:
        settings: What the operator decided.
        sets: Attributes that are known by name.
        faults: What is wrong so far.

    """

    settings: ApplicationSettings
    sets: AttributeSets
    faults: list[Fault]

    def fault(self, key: str, problem: str) -> None:
        """Note what is wrong, under its key."""
        self.faults.append(Fault("", key, problem))

    def from_preset(self, preset: Preset) -> Application | None:
        """Return the application of a preset; the operator's own values come before its own."""
        settings = self.settings
        region, account_code = settings.region.lower(), settings.account_code.upper()
        problems = preset.problems(region, account_code)
        for key, problem in problems.items():
            self.fault(key, problem)
        if problems:
            return None

        def fill(template: str) -> str:
            return preset.fill(template, region, account_code)

        described = preset.to_service_provider(region, account_code)
        if settings.entity_id:
            described = replace(described, entity_id=fill(settings.entity_id), other_entity_ids=())
        if settings.acs:
            described = replace(described, acs_endpoints=self._own_acs(settings.acs, fill))
        application = self.assemble(described, fill(settings.portal_acs or preset.portal_acs))
        return replace(
            application,
            name_id_format=settings.name_id_format or preset.name_id_format,
            relay_state=settings.relay_state or preset.relay_state,
            tolerated_contexts=frozenset(settings.tolerated_contexts or preset.tolerated_contexts),
            steps=tuple(fill(step) for step in preset.steps),
        )

    def by_hand(self) -> Application:
        """Return the application of a service provider that the operator described."""
        settings = self.settings
        described = ServiceProvider(settings.entity_id, self._own_acs(settings.acs, str))
        return self.assemble(described, settings.portal_acs)

    def from_metadata(self, described: ServiceProvider) -> Application:
        """Return the application of a service provider that described itself."""
        settings = self.settings
        if settings.acs:
            described = replace(described, acs_endpoints=self._chosen_acs(described))
        return self.assemble(described, settings.portal_acs)

    def assemble(self, described: ServiceProvider, portal_acs: str) -> Application:
        """Return the application, however the service provider came to be described."""
        settings = self.settings
        if portal_acs and not is_web_address(portal_acs):
            self.fault("portal_acs", f"must be an http or https URL, not {portal_acs!r}")
        if settings.name_id and (problem := find_path_fault(settings.name_id)):
            self.fault("name_id", problem)
        if described.wants_signed_assertions and not settings.sign_assertion:
            self.fault("sign_assertion", "must be true: its metadata wants signed assertions")
        groups = () if settings.groups == "*" else settings.groups
        attributes, requested = self._attributes(described)
        return Application(
            name=settings.name,
            slug=to_slug(settings.name),
            service_provider=described,
            groups=frozenset(name.casefold() for name in groups),
            admits_everybody=settings.groups == "*",
            name_id=settings.name_id,
            name_id_format=settings.name_id_format or _usual_format(described),
            attributes=attributes,
            requested=requested,
            portal_acs_url=portal_acs,
            target=settings.target,
            relay_state=settings.relay_state,
            login_url=settings.login_url,
            signs_response=settings.sign_response,
            signs_assertion=settings.sign_assertion,
            recipient=self._recipient(described),
            tolerated_contexts=frozenset(settings.tolerated_contexts),
        )

    def _own_acs(self, urls: Sequence[str], fill: Callable[[str], str]) -> tuple[AcsEndpoint, ...]:
        filled = [fill(url) for url in urls]
        for url in filled:
            if not is_web_address(url):
                self.fault("acs", f"must be an http or https URL, not {url!r}")
        return tuple(
            AcsEndpoint(url, Binding.POST, index, is_default=index == 0)
            for index, url in enumerate(filled)
        )

    def _chosen_acs(self, described: ServiceProvider) -> tuple[AcsEndpoint, ...]:
        """Return the addresses of the metadata, with another one as the default."""
        wanted = self.settings.acs[0]
        known = [acs.url for acs in described.acs_endpoints if acs.binding == Binding.POST]
        if len(self.settings.acs) > 1 or wanted not in known:
            problem = f"must be one of the addresses in its metadata: {', '.join(known)}"
            self.fault("acs", problem)
        return tuple(replace(acs, is_default=acs.url == wanted) for acs in described.acs_endpoints)

    def _recipient(self, described: ServiceProvider) -> Recipient | None:
        """Return for whom assertions are encrypted, or None."""
        encryption = described.encryption
        if self.settings.encrypt == "always" and (encryption is None or encryption.problem):
            problem = encryption.problem if encryption else "its metadata has no key for that"
            self.fault("encrypt", f'cannot be "always": {problem}')
        if encryption is None or self.settings.encrypt == "never":
            return None
        # A key that is not said to be for encryption is often one that nothing is decrypted by.
        is_wanted = encryption.is_meant or self.settings.encrypt == "always"
        return encryption.recipient if is_wanted else None

    def _attributes(
        self, described: ServiceProvider
    ) -> tuple[tuple[AttributeRule, ...], Mapping[int | None, tuple[AttributeRule, ...]] | None]:
        """Return what is always said of people, and what is if the service provider asks for it."""
        settings = self.settings
        name = settings.attribute_set or ("" if settings.attributes is not None else USUAL_SET)
        if name and name not in self.sets.sets:
            self.fault("attribute_set", f"must be one of {', '.join(self.sets.sets)}, not {name!r}")
        usual = self.sets.sets.get(name, ())
        own = compile_attributes(settings.attributes or {}, "", "attributes", self.faults)
        named = {rule.name for rule in own}
        attributes = tuple(rule for rule in usual if rule.name not in named) + own
        if settings.attributes is not None:
            return attributes, None
        return attributes, self._requested(described, {rule.name for rule in attributes})

    def _requested(
        self, described: ServiceProvider, already: set[str]
    ) -> Mapping[int | None, tuple[AttributeRule, ...]] | None:
        """Return what the service provider asks for besides, as far as it is known, by index."""
        found: dict[int | None, tuple[AttributeRule, ...]] = {}
        for service in described.attribute_services:
            known = [
                replace(rule, name_format=one.name_format or rule.name_format)
                for one in service.requested
                if one.name not in already and (rule := self.sets.find(one.name))
            ]
            found[service.index] = tuple(known)
        usual = described.attribute_service(None)
        if usual is not None:
            found[None] = found[usual.index]
        return found or None


def _usual_format(described: ServiceProvider) -> str:
    """Return the format of NameIDs: an address if the service provider takes one, or says nothing.

    Otherwise the first of ours that it lists.
    """
    formats = described.name_id_formats
    if not formats or {EMAIL_FORMAT, UNSPECIFIED_FORMAT} & {*formats}:
        return EMAIL_FORMAT if not formats or EMAIL_FORMAT in formats else UNSPECIFIED_FORMAT
    return next((each for each in formats if each in NAME_ID_FORMATS), EMAIL_FORMAT)


def finish(application: Application | None, faults: Sequence[Fault]) -> Application:
    """Return the application.

    Raises:
        ConfigurationError: if there are faults, or no application.

    """
    if faults or application is None:
        raise ConfigurationError(list(faults))
    return application
