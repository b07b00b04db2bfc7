"""The conductor of the five stages, its ledger and its schedule.

In: the settings' parts, wired by `bootstrap`. Out: a `CycleReport`, and rows that say what was
planned, sent and answered.

Reading order: `ports` (what a cycle needs of the stages), `cycle` (one walk from source to
targets), `intake_read`, `planning`, `review` (what of a plan may be sent) and `apply` (its parts),
`ledger`, `links`, `holds`, `pauses`, `setbacks` and `history` (the only SQL here), `explain`,
`drift` and `plan_file` (for people), `lock` (one cycle at a time), `schedule` (when).

Invariant: the plan is in the ledger before the first request is sent, each outcome before the
next window of requests; a cycle that is killed leaves at most one window in doubt.
"""
