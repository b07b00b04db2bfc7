"""The command line: every action of an operator, for people and for scripts.

Results go to standard output, progress and logs to standard error. Exit codes: 0 done, 1 error,
2 wrong usage (or changes, with `plan --detailed-exitcode`), 3 held by a guard, 4 done with
failures, 130 interrupted.

Reading order: `app` (the commands together), `plan`, `sync`, `status`, `explain`, `runs`, `check`,
`applications`, `keys`, `key_changes`, `service`, and what they share: `context` (settings and
database), `report` (a cycle as commands run it), `key_view` and `show` (tables, JSON, progress).
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; errors end in words and an exit code, never in a traceback."""
    from connector.cli.app import admit_fault, run

    sys.excepthook = admit_fault
    sys.exit(run(sys.argv[1:]))
