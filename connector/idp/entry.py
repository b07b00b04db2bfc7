"""Whether somebody may enter an application, and what they have yet to prove for it (step 6)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from connector.errors import NotProvisioned, PolicyDenied
from connector.idp.factor import FactorKind
from connector.idp.message.answer import asked_context
from connector.idp.message.context import wants_second_factor
from connector.idp.network import parse_address
from connector.idp.policy import (
    Allow,
    Ask,
    Circumstances,
    Deny,
    Enrol,
    FirstFactor,
    SignInAgain,
    StepUp,
    decide,
    may_enter,
    meet,
)
from connector.idp.reason import Reason
from connector.idp.transaction import digest_of
from connector.packed import values_of

if TYPE_CHECKING:
    from datetime import timedelta

    from connector.directory.person import DirectoryUser
    from connector.idp.application.service_provider import Application
    from connector.idp.evidence import Evidence
    from connector.idp.message.authn_request import AuthnRequest
    from connector.idp.parts import LoginParts
    from connector.idp.policy import Effective
    from connector.idp.visit import Visit

# What a person has to do yet; with Allow, nothing.
Verdict = Allow | Ask | Enrol | SignInAgain


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether somebody may enter.

    Attributes:
        user: The person.
        verdict: What they have to do yet.
        effective: What holds for them there.
        remember_for: For how long the device may be remembered once they have; None: not at all.
        is_shared: Whether it is then remembered for all applications that share.

    """

    user: DirectoryUser
    verdict: Verdict
    effective: Effective
    remember_for: timedelta | None = None
    is_shared: bool = False


def judge(
    parts: LoginParts,
    external_id: str,
    application: Application,
    visit: Visit,
    evidence: Evidence,
    *,
    wants_second: bool = False,
) -> Judgement:
    """Return what somebody has yet to do to enter now.

    Args:
        parts: Of the identity provider.
        external_id: Who.
        application: Where.
        visit: The request at hand.
        evidence: What they have proved.
        wants_second: Whether the application asks for a second factor, whatever the policy says.

    Raises:
        PolicyDenied: if they may not, whatever they prove.

    """
    user, decision, effective = _decide(parts, external_id, application, visit, evidence)
    if isinstance(decision, StepUp) and FactorKind.DUO in decision.kinds and evidence.is_excused:
        decision = Allow()
    if wants_second and isinstance(decision, Allow) and evidence.strong_at is None:
        decision = StepUp(effective.kinds)
    match decision:
        case Deny():
            raise PolicyDenied(decision.reason, _words(decision, effective))
        case StepUp():
            verdict = _meet(parts, external_id, decision, effective)
            lasting, is_shared = decision.remember_for, decision.is_shared
            return Judgement(user, verdict, effective, lasting, is_shared)
        case Allow() if decision.enrol:
            return Judgement(user, _meet(parts, external_id, decision, effective), effective)
        case _:
            return Judgement(user, decision, effective)


def require_entry(parts: LoginParts, external_id: str, application: Application) -> DirectoryUser:
    """Return the person, whose account and groups let them enter once they have proved enough.

    Raises:
        PolicyDenied: if they do not.

    """
    standing = parts.directory.standing(external_id)
    if standing is None:
        raise PolicyDenied(Reason.UNKNOWN_USER)
    user, groups = standing
    entrance = may_enter(user, groups, application, parts.clock.now())
    if isinstance(entrance, Deny):
        raise PolicyDenied(entrance.reason)
    return user


def require_proof(
    parts: LoginParts,
    external_id: str,
    application: Application,
    visit: Visit,
    evidence: Evidence,
    *,
    wants_second: bool = False,
) -> DirectoryUser:
    """Return the person, who may enter now and has proved enough; takes what `judge` does.

    Raises:
        PolicyDenied: if they may not, or have not.

    """
    judgement = judge(parts, external_id, application, visit, evidence, wants_second=wants_second)
    if not isinstance(judgement.verdict, Allow):
        raise PolicyDenied(Reason.PROOF_MISSING)
    return judgement.user


def wants_second(request: AuthnRequest, application: Application, used: str) -> bool:
    """Return whether a request is met only by somebody who proves a second factor here.

    Args:
        request: Of the application.
        application: Where they are going.
        used: URI of how they were authenticated first.

    """
    return bool(request.context_classes) and wants_second_factor(
        asked_context(request, application), used
    )


def require_account(
    parts: LoginParts, user: DirectoryUser, application: Application
) -> DirectoryUser:
    """Return the person as the application's own accounts know them.

    What was provisioned is what is said of them, so that the two cannot differ.

    Raises:
        NotProvisioned: if they have no account there that can be used.

    """
    if not application.target or parts.accounts is None:
        return user
    account = parts.accounts.find(application.target, user.external_id)
    if account is None or not account.is_active:
        raise NotProvisioned(Reason.NOT_PROVISIONED, f"no account at {application.target}")
    return replace(user, document=values_of(user.document) | values_of(account.document))


def with_device(
    parts: LoginParts, evidence: Evidence, external_id: str, slug: str, visit: Visit
) -> Evidence:
    """Return the evidence of somebody who signs in, with what their device stands for."""
    if not visit.device:
        return evidence
    device = parts.devices.find(digest_of(visit.device), external_id, slug, parts.clock.now())
    if device is None:
        return evidence
    return replace(
        evidence,
        remembered_at=device.created_at,
        remembered_for=device.application,
        remembered_by=device.kind,
    )


def _decide(
    parts: LoginParts,
    external_id: str,
    application: Application,
    visit: Visit,
    evidence: Evidence,
) -> tuple[DirectoryUser, Allow | Deny | StepUp | SignInAgain, Effective]:
    standing, now = parts.directory.standing(external_id), parts.clock.now()
    if standing is None:
        raise PolicyDenied(Reason.UNKNOWN_USER)
    user, groups = standing
    entrance = may_enter(user, groups, application, now)
    effective = parts.policies.effective_for(application.slug, groups)
    address = parse_address(visit.address)
    circumstances = Circumstances(
        now=now,
        status=parts.standings.of(external_id, now),
        barred=entrance.reason if isinstance(entrance, Deny) else None,
        address=address,
        country=parts.countries.of(address),
        user_agent=visit.user_agent,
        first=FirstFactor(evidence.first),
        first_at=evidence.first_at,
        second=evidence.second,
        second_at=evidence.second_at,
        is_in_session=evidence.used_at is not None,
        session_began_at=evidence.first_at,
        session_used_at=evidence.used_at,
        remembered_at=evidence.remembered_at_for(application.slug),
        remembered_by=evidence.remembered_by,
    )
    return user, decide(circumstances, effective), effective


def _meet(
    parts: LoginParts, external_id: str, decision: Allow | StepUp, effective: Effective
) -> Allow | Ask | Enrol:
    kinds = parts.factors.usable_kinds(external_id, parts.clock.now())
    met = meet(decision, kinds, effective)
    if isinstance(met, Deny):
        raise PolicyDenied(met.reason, _words(met, effective))
    return met


def _words(denial: Deny, effective: Effective) -> str:
    """Return which rule of which layer says so, for the audit."""
    layer = effective.layers.get(denial.point.replace(".", "_"), "")
    return f"{denial.point} of {layer}" if layer else denial.point
