"""All benchmarks in one run: `make bench`. Each prints a table of its own, with ratios."""

from __future__ import annotations

import subprocess
import sys

ALL = (
    "read_speed",
    "noop_cycle",
    "delta_cycle",
    "latency",
    "target_speed",
    "throttled_speed",
    "sign_speed",
    "decision_speed",
    "password_speed",
    "answer_times",
    "sign_on_speed",
    "sign_on_memory",
    "sign_on_under_sync",
)


def main() -> int:
    """Run each benchmark in a process of its own, so that none warms or fattens another."""
    failed = []
    for name in ALL:
        print(f"\n== {name} ".ljust(80, "="), flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
