"""Where state is kept: tables, engine, migrations. No logic; imports nothing of `connector`.

One file of tables an owner: `directory` (who exists), `provisioning` (the ledger), `identity`
(sign-ons), `signing_keys`, `audit`. `engine` opens the database and gives transactions; `handle`
and `prepared` give those of every sign-on, faster; `flush` brings to the disk what they leave
behind; `migrate` brings an older database up to date. SQL stays portable: SQLite by default,
PostgreSQL for those who outgrow one machine. Rows do not leave their owner; frozen values do.
"""
