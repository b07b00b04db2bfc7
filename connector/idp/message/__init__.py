"""What is said between us and others, as values and as signed XML.

`authn_request` reads what is asked (step 3); `assertion` is what we say of a person, `response`
writes and signs it, `answer` puts it into a form (step 7); `metadata` describes ourselves.
Towards other identity providers we are the application: `upstream_request` asks them,
`upstream_response` and `upstream_assertion` read what they say, `sp_metadata` describes us to them.
"""
