"""Keeps people of a directory in step with SCIM targets, and signs them in by SAML.

Folders come in the order in which data flows.

One entry of the source (conductor: `sync/cycle.py`):

==  =====================  ======================  ==============================================
1   source/ldap.py         filter, page size       raw attributes (bytes)
2   source/entry.py        raw attributes          SourceEntry: text, UTC times, flags
3   source/reader.py       Watermark, RollCall     Batch: entries, departures, proof of completeness
4   mapping/mapper.py      entry, ResourceMapping  MappedResource or MappingProblem
5   directory/lifecycle.py stored, mapped, now     DirectoryUser (joiner, mover, leaver)
6   directory/merge.py     changes, watermark      committed in one transaction, or nothing
7   planner/plan.py        those concerned         Plan of Operations
8   planner/safety.py      plan, limits            the plan, or UnsafePlanError with both numbers
9   target/request.py      operation, dialect      request
10  target/client.py       request                 answer
11  target/response.py     answer                  Applied, Rejected, Unavailable, Unknown
12  sync/ledger.py         operation, outcome      committed row
==  =====================  ======================  ==============================================

One AuthnRequest (dispatcher: `idp/flow.py`):

==  =====================  ========================  =========================================
1   web/saml.py            HTTP                      query or form
2   idp/binding.py         query or form             BoundMessage
3   idp/message/           message, registry, now    AuthnRequest or RequestRefused
4   idp/routing.py         request, e-mail address   which authentication source
5   idp/authenticator/     answer, factor, now       Verified, Proof or AuthenticationFailed
6   idp/entry.py, policy/  evidence, visit           what has yet to be proved, or PolicyDenied
7   idp/message/           user, request, session    signed POST form
8   idp/store/             the facts                 committed rows: session, audit
==  =====================  ========================  =========================================

After each of 4 to 6 control returns to the dispatcher, which reads stored progress and decides
the next step. Steps never call each other.
"""
