"""To whom we answer: applications, and where what is known of them comes from.

`service_provider` has the values, `attribute` and `attribute_path` what is said of people;
`metadata` (with `metadata_keys`) reads a service provider's own description, `preset` those of
vendors that publish none, `attribute_set` attributes that are known by name (`data_file` lays an
operator's files over ours). `metadata_client` fetches; `load` makes the registry out of what the
operator configured, one application at a time by `assemble`.

While the program runs, `fetching` brings copies of metadata up to date in one process; in every
process that answers, `following` notices what has changed on the disk, and `catalogue` holds the
registry that logins go by. So no login waits for a fetch.
"""
