"""What a target should hold against what it is known to hold, as a plan (pure).

In: heads, groups and memberships of the directory; what the ledger knows of the target. Out: a
`Plan` of `Operation`s in the order in which they are sent, or UnsafePlanError.

Reading order: `view` (what of a resource a target takes), `known`, `desired` (who is in scope),
`compare` (which keys differ), `diff` (which attributes differ), `plan`, `identity` (which
operations are the same), `waiting`, `safety`, `render`.

Invariant: a plan is a value. Looking at it and sending it use the same one.
"""
