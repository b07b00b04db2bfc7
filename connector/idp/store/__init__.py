"""What logins leave behind, one file for each kind: the only SQL of `idp`.

`sign_ons` keeps logins in progress, sessions and the requests that were taken; `attempts` counts
passwords; `upstreams` keeps what other identity providers were asked and have said. Rows do not
leave this package; frozen values do.
"""
