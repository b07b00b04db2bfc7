"""Other identity providers whose word we take: what is known of them, and where it comes from.

`identity_provider` has the values; `metadata` reads an identity provider's own description;
`load` makes the upstreams out of what the operator configured, with the rules that lead to them;
`lint` says which rules and upstreams do nothing.
"""
