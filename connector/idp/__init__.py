"""One login: from the AuthnRequest of a service provider to the signed answer (SAML 2.0).

In: a query or form. Out: what to show next, and in the end a form to post to the service provider.
The dispatcher is `flow`; the steps never call each other, and each is taken once, in order.

Reading order: `binding` (octets to a message), `message` (a message to a request, a person to a
signed answer), `routing` (who checks the person), `authenticator` (whether they are who they say),
`first_factor` (the forms by which they say and prove it), `new_password` (the step in which one
that has expired is changed), `federation` (a way over somebody else, and back), `evidence` (what
was proved), `policy` and `entry` (what is lacking), `second_factor` (asking for it),
`factor_answers`, `duo_trip` and `enrolment` (what becomes of the answers), `departure` (how a
login ends), `at_once` (past all of that, for who is signed in), `own_account` (what people do
themselves).
Beside them `application` knows to whom we answer, `upstream` whom we believe besides our own
directory, `keys` by what we sign, `publication` shows it to others, `decryption_key` is how we read
what is for us alone; `transaction`, `session`, `vouched` and `lockout` know what has happened,
`store` keeps it, `notices` tells the person of it; `reason` has the words of the audit, `names` and
`moment` those of SAML, `xmldsig` all that is XML signature, `xmlenc` encryption.

Invariant: nobody gets an answer at an address that is not registered, and no answer says more than
what the directory holds of a person who proved a password or a passkey in this browser, or for whom
in this browser an upstream has vouched that answers for them, and what else the policy demands.
"""
