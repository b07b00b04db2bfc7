"""Who exists, in which state: our own directory, between the source and everything else.

In: mapped resources and where they stand. Out: `DirectoryUser`, `DirectoryGroup` and the graph of
their memberships, committed together with the watermark, in one transaction or not at all.

Reading order: `person` (the values), `lifecycle` (joiner, mover, leaver; pure), `membership`
(nested groups in memory; pure), `store` (reads), `intake` with `staging`, `renaming` and `merge`
(what one read changes: staged page by page, then one transaction), `search`.

Invariant: a person becomes a leaver only by evidence, or by a read that was proven complete.
"""
