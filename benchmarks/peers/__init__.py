"""Identity providers side by side: ours and others from Debian, started, signed in at, and timed.

In reading order: `servers` starts and ends processes and reads from /proc what they cost;
`identity_provider` is what each of them looks like from outside; `ours`, `simplesamlphp` and
`lemonldap` start one each, `nginx` is in front of the latter two; `application` asks for sign-ons
and checks what comes back; `browser` speaks HTTP, and `load` drives a few browsers by the clock.

Everybody listens on loopback by plain http, and keeps everything in a temporary folder.
"""
