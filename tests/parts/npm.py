"""Packages of npm, installed once into the user's cache, by name and exact version."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path


def npm_folder(*packages: str) -> Path:
    """Return the folder whose node_modules hold these packages; a missing one fails by its name."""
    digest = hashlib.sha256(" ".join(packages).encode()).hexdigest()[:12]
    folder = Path.home() / ".cache" / "connector-tests" / digest
    wanted = [folder / "node_modules" / name.rpartition("@")[0] for name in packages]
    if not all(path.exists() for path in wanted):
        npm = shutil.which("npm")
        assert npm, f"missing program: npm (needed once, for {', '.join(packages)})"
        folder.mkdir(parents=True, exist_ok=True)
        command = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund"]
        command += ["--no-package-lock", "--prefix", str(folder), *packages]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        missing = [path.name for path in wanted if not path.exists()]
        assert not missing, f"npm could not install {', '.join(missing)}: {done.stderr}"
    return folder
