"""Everything to try the product on one machine: a company, a SCIM service, an application.

Nothing here serves production. `show` starts and explains all of it; `scim_service` stands in for
Mimecast, and for misbehaving targets in the tests; `sample_app` and `sample_saml` are a small
SAML application; `company.toml` is the source: edit the copy and watch.
"""
