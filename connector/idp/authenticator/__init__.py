"""Whether people are who they say (step 5): one file for each way to prove it.

In: who the person says to be, and the proof. Out: `Verified`, or AuthenticationFailed with the
reason for the audit. `password` asks the source directory; `change` gives it a new password in
place of one that has expired, and `onset` says in the log that too many were wrong; `upstream` has
another identity provider say who it is. Second factors are `passkey`, `totp`, `recovery_code`,
`bypass_code` and `duo`; `factors` has all of them.
"""

from connector.idp.authenticator.password import PasswordAuthenticator, PasswordCheck, Verified

__all__ = ["PasswordAuthenticator", "PasswordCheck", "Verified"]
