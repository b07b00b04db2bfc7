"""What is said between us and an application, as values and as signed XML.

`authn_request` reads what is asked (step 3); `assertion` is what we say of a person, `response`
writes and signs it, `answer` puts it into a form (step 7); `metadata` describes ourselves.
"""
