"""Send operations to a target by SCIM 2.0 (RFC 7643, RFC 7644), and say what became of each.

In: `Operation`s of a plan. Out: an `Outcome` for each: Applied, Rejected, Unavailable or Unknown.

Reading order: `outcome` (what comes out), `dialect` (what a target takes, from its file),
`request` with `patch` (an operation to a request), `response` (an answer to an outcome), `retry`
(when to ask again), `capability` (what the target announces), `lookup` with `claims` (is it there,
and whose is it?), `conversation` (all requests that one operation may take), `connection` (how it
is reached), and `client`, the only part that does I/O.

Everything but `client` is pure: a conversation is a generator that yields requests and is sent
the replies, so each path through it can be walked without a network.

Invariant: a request whose answer did not come is never blindly repeated, and no operation is lost.
"""
