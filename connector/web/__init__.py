"""Everything that speaks HTTP: SAML endpoints, login pages, portal, health.

In: requests of browsers and monitors. Out: pages, redirects, and calls of `idp.flow.LoginFlow` and
`idp.logout.flow.LogoutFlow`, which are synchronous and run in threads; but `idp.at_once.FastLane`,
which waits for nothing, runs in the event loop. asyncio is here and does not leave: the rest of
the program starts and stops `server.WebServer` like any other part.

Reading order: `site`, `words`, `language`, `colour`, `branding`, `pages` (what is shown),
`headers`, `cookies`, `forms`, `address` (what browsers may do), `handoff`, `saml`, `slo`,
`upstream`, `login`, `new_password`, `logout`, `portal` (the routes), `fast_lane` (past them),
`errors`, `access`, `app` (all of it together), `health` and `numbers` (the operations listener),
`server`; `crew` starts processes of `worker`.

Invariants: the session cookie is Lax, so a post from another site only stores and redirects to
a GET of ours, which reads it. A GET changes nothing but the login or logout that it is part of.
Every page works without scripts, under a policy that allows none inline.
"""
