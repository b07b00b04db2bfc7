"""The conductor of the five stages, its ledger and its schedule.

In: the settings' parts, wired by `bootstrap`. Out: a `CycleReport`, and rows that say what was
planned, sent and answered.

Reading order: `ports` (what a cycle needs of the stages), `request` (what is asked of it), `cycle`
(one walk from source to targets), `intake_read` with `taking` (source to directory), `serving`
(directory to one target), `settled` (who is to be looked at), `planning`, `review` (what of a plan
may be sent) and `apply` with `addresses`, `ledger`, `links`, `holds`, `pauses`, `setbacks` and
`history` (with `settled` the only SQL here), `comparing` with `drift` and `findings` (what others
change at a target), `leaving` (what is left to one), `explain` and `plan_file` (for people), `lock`
(one cycle at a time), `schedule` and `lookout` (when).

Invariant: the plan is in the ledger before the first request is sent, and each operation marked
before it goes; a cycle that is killed leaves at most two windows in doubt.
"""
