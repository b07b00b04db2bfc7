"""To whom we answer: applications, and where what is known of them comes from.

`service_provider` has the values; `metadata` reads a service provider's own description, `preset`
the ones of vendors that publish none, `metadata_client` fetches; `load` makes the registry out of
what the operator configured.
"""
