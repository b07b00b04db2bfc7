"""Read the people and groups of a directory; say whether that was all of them.

In: the settings of the source, the attributes that the mapping asks for, and who is known already.
Out: a `Batch`, whose pages hold what changed or departed and whose proof says whether what did not
come is truly gone; and, for logins, a `PasswordVerdict`.

Reading order: `entry`, `batch` and `roll_call` (what comes out); `ldap_decoder`, `ldap_wire`,
`ldap_tls` and `ldap` (the door to LDAP); `decode` (bytes to text); `searches`, `root` and `session`
(what is asked, and whom); `tally` and `trace` (what came, and where the rest is); `full`, `changes`
with `dir_sync`, `person` and `watch` (the four ways to look); `reader`, which offers them. For
logins: `password`, `password_change`, `password_rules` and `domain` (what is said of a password);
`connecting`, `spare` and `pace` (to whom it is sent, how soon, and how long a refusal takes);
`ldap_password`, which offers them.
`file` and `file_password` keep a directory in a TOML file instead.

Any doubt makes the proof incomplete, and a connection that breaks raises SourceUnavailable: the
absence of an entry is never mistaken for its end.
"""
