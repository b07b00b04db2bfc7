"""The built wheel carries everything: what works in the tree works when installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.real

ROOT = Path(__file__).parent.parent

CONFIGURATION = """
[source]
kind = "file"
file = "company.toml"
[[target]]
name = "nowhere"
base_url = "http://127.0.0.1:9"
token = { env = "TOKEN" }
mapping = "mimecast.toml"
groups = "*"
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built and unpacked into a folder of its own."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run([*build, str(ROOT)], check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    target = folder / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target)]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
    return target


def run(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ) | {"PYTHONPATH": str(installed), "TOKEN": "t", "NO_COLOR": "1"}
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_the_installed_wheel_finds_its_mappings_migrations_and_pages(
    installed: Path, tmp_path: Path
):
    (tmp_path / "connector.toml").write_text(CONFIGURATION)
    company = installed / "connector" / "demo" / "company.toml"
    (tmp_path / "company.toml").write_bytes(company.read_bytes())

    where = run(installed, tmp_path, "-c", "import connector, state; print(connector.__file__)")
    assert Path(where.stdout.strip()).is_relative_to(installed)
    checked = run(installed, tmp_path, "-m", "connector", "check")
    assert (checked.returncode, checked.stderr) == (0, "")
    planned = run(installed, tmp_path, "-m", "connector", "plan")
    assert planned.returncode == 0, planned.stderr
    assert "to add" in planned.stdout
    pages = "from connector.web.pages import make_pages; from connector.web.site import Site;"
    pages += (
        "print(make_pages(Site('https://x')).editions['de'].notice('404', status=404).status_code)"
    )
    assert run(installed, tmp_path, "-c", pages).stdout.strip() == "404"


def test_the_wheel_has_nothing_that_belongs_to_development(installed: Path):
    assert sorted(path.name for path in installed.iterdir() if path.suffix != ".dist-info") == [
        "bin",
        "connector",
        "state",
    ]


def test_the_installed_wheel_speaks_german_in_messages(installed: Path, tmp_path: Path):
    program = (
        "from connector.mail.translation import Language, translated;"
        "print(translated('Time', Language.GERMAN))"
    )

    assert run(installed, tmp_path, "-c", program).stdout == "Zeit\n"
