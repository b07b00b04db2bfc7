"""The keys by which we sign: kept in the database, sealed, and exchanged without a failed login.

In: what an operator asks, and what the database holds. Out: for each application the key that
signs for it, and the certificates that our metadata shows.

Reading order: `algorithm`, `self_signed`, `certificate` (a key), `files`, `seal` (what keeps it
from others), `inventory` (all of them, as a value), `rollover` (what may be done to them), `start`
(the first one), `ring` (as a process has them), `seen` (which application was shown which),
`expiry`.

Invariant: a key that signs for an application is in our metadata before, meanwhile and after, until
nothing that it signed can be under way any more; and no private key is ever stored unsealed.
"""
