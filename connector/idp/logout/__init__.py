"""Single logout: sessions end, and every application that was told of them is told again.

In: a LogoutRequest or LogoutResponse of a service provider, a person who signs out, a cycle after
which somebody may not be signed on any more. Out: what the browser is to show or where it is to go
next, messages from server to server, and rows of the audit with who answered when.

Reading order: `parts`, `view`, `telling` (whom to tell, and how), `wire` (messages), `soap_client`
and `back_channel` (from server to server), `meaning` (whose session a request means), `flow` (what
goes through browsers), `sign_off` (who left, or may not enter any more), `status` (for the help
desk).

Invariant: our own sessions end first, in one transaction with the list of those to be told, so
that neither an application that does not answer nor a crash keeps anybody signed on. Nobody is
signed out by a request that its issuer did not sign, unless the person says so.
"""
