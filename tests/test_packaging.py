"""The wheel holds all that the programs need, and works away from this tree."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.support.sources import PACKAGES, ROOT

pytestmark = pytest.mark.slow

_SOURCE_FILES = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE")
_NOT_SHIPPED = shutil.ignore_patterns("__pycache__", "*.pyc", "*.egg-info")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy so that nothing is left in this tree."""
    source = tmp_path_factory.mktemp("source")
    for name in _SOURCE_FILES:
        shutil.copy(ROOT / name, source)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=_NOT_SHIPPED)
    _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", str(source))
    (built,) = (source / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of a new environment that holds the wheel.

    Its dependencies are those of the running environment, put on the path by a file of
    the kind that does not also take over this tree's editable installation.
    """
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    _run(
        *(sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"),
        *("--no-index", "--no-deps", str(wheel)),
    )
    (site,) = (home / "lib").glob("python*/site-packages")
    dependencies = sorted(
        {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    )
    (site / "dependencies.pth").write_text("\n".join(dependencies))
    return python.parent


def test_the_wheel_holds_every_file_of_the_packages_and_no_other(wheel: Path) -> None:
    """What is in the packages' folders is what a user gets."""
    shipped = {
        name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name
    }
    ours = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert shipped == ours


def test_the_command_runs_away_from_this_tree(installed: Path, tmp_path: Path) -> None:
    """`jpki --version` and `--help` work from an installed wheel."""
    jpki = str(installed / "jpki")
    assert _run(jpki, "--version", at=tmp_path) == "jpki, version 0.1.0\n"
    assert "Usage: jpki" in _run(jpki, "--help", at=tmp_path)


def test_packaged_data_is_found(installed: Path, tmp_path: Path) -> None:
    """Eras, profiles and places are read from the installed package, not this tree."""
    script = (
        "import jpki, jpki.data; print(jpki.__file__, len(jpki.data.prefectures()),"
        " jpki.data.era('prefectural-sha256').id)"
    )
    shown = _run(str(installed / "python"), "-c", script, at=tmp_path)
    file, prefectures, era = shown.split()
    assert file.startswith(str(installed.parent))
    assert (prefectures, era) == ("47", "prefectural-sha256")


@pytest.mark.parametrize("server", ["ca_server", "ocsp_crl", "registry_stub"])
def test_servers_refuse_a_missing_configuration(
    installed: Path, tmp_path: Path, server: str
) -> None:
    """Each server starts from the wheel far enough to say what it lacks."""
    missing = str(tmp_path / "missing.toml")
    done = subprocess.run(
        [str(installed / "python"), "-m", server, "--config", missing],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert missing in done.stderr
    assert "Traceback" not in done.stderr


def _run(*line: str, at: Path | None = None) -> str:
    done = subprocess.run(line, cwd=at, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
