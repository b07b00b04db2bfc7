"""Read the people and groups of a directory; say whether that was all of them.

In: the settings of the source, the attributes that the mapping asks for, and the digests of what is
known already. Out: a `Batch`, whose pages hold what changed and whose proof says whether what did
not come is truly gone; and, for logins, a `PasswordVerdict`.

Reading order: `entry` and `batch` (what comes out), `ldap_decoder`, `ldap_wire`, `ldap_tls` and
`ldap` (the door to LDAP), `decode` (bytes to text), `reader`, `password`; `file` reads a directory
kept in a TOML file instead.

Any doubt makes the proof incomplete, and a connection that breaks raises SourceUnavailable: the
absence of an entry is never mistaken for its end.
"""
