"""What people are told by mail: every change of how they sign in (OWASP ASVS 5.0, 6.3.7).

In: a `Notice`, an address, a language. Out: a message at the organisation's own mail server
(RFC 5321), or a line that says why not.

Reading order: `notice` (what can be told), `plain` and `browser` (what others wrote, made
harmless), `translation` and `wording` (in which words), `compose` (the message, RFC 5322),
`letter` (a message on its way, and what can become of it), `outbox` (kept until it is sent),
`smtp` (the one door to the mail server), `post` (the thread that delivers).

A message is composed when it is queued and never changes after; so one that has to be sent again
is the same, with the same Message-ID, and whoever gets it twice can tell.
"""
