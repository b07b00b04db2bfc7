"""Entries of the source to SCIM resources, by rules in files (pure).

In: `SourceEntry`, and a mapping file from the operator's folder or ours. Out: `MappedResource`, or
`MappingProblem` for an entry that cannot be mapped; nothing passes in silence.

Reading order: `resource` (what comes out); `transform`, `transform_with`, `template`, `condition`
and `pattern` (what a rule may do with values); `schema` (which paths exist), `rules` (one file,
compiled), `load` and `parse` (every fault of a file at once), `mapper` (the hot path), `examples`
(the file's own tests).

Invariant: mapping an entry reads nothing but the entry.
"""
