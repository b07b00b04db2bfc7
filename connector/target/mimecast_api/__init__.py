"""Speak Mimecast's API 2.0, for tenants without SCIM; pure, like the rest of `target`.

In: `Operation`s and SCIM attribute paths. Out: the same `Outcome`s as from a SCIM target. People
are known by their e-mail address, which is their `id` and never changes; groups are folders below
one folder, known by their description. There is no externalId, and nobody is deleted.

Reading order: `token` (who we are), `wire` (requests, and what answers mean), `lookup` (what is
there), `conversation` (all requests that one operation may take). `client/mimecast_api.py` is the
door.

Nothing of this was tried against a tenant: it follows what the vendor and other clients publish.
"""
