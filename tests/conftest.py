"""What holds for every test: it stays on this machine, it is never skipped silently.

`JPKI_TESTS_REQUIRE_ALL=1` turns every skip into a failure and searches harder.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.support.tokens import SoftHSM

_REQUIRE_ALL: Final = bool(os.environ.get("JPKI_TESTS_REQUIRE_ALL"))
_PROGRAMS: Final = Path(__file__).parent.parent / ".ci" / "system-packages.txt"

_R = TypeVar("_R", pytest.TestReport, pytest.CollectReport)

# Two shared cores decide nothing about how long one example may take: no deadline.
settings.register_profile("quick", max_examples=50, deadline=None)
settings.register_profile(
    "thorough", max_examples=200, deadline=None, derandomize=True, print_blob=True
)
settings.load_profile("thorough" if _REQUIRE_ALL else "quick")


def _components() -> Mapping[str, tuple[str, str]]:
    """Package and program of each component that a test may need."""
    lines = _PROGRAMS.read_text("utf-8").splitlines()
    rows = (line.split(None, 3) for line in lines if line and not line.startswith("#"))
    return {name: (package, program) for name, package, program, _ in rows}


def _present(program: str) -> bool:
    if program.startswith("/"):
        return any(Path("/").glob(program.lstrip("/")))
    return shutil.which(program) is not None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, with what to install, the tests whose programs are missing."""
    components = _components()
    for item in items:
        for marker in item.iter_markers("needs"):
            for name in marker.args:
                package, program = components[name]
                if not _present(program):
                    reason = f"{name} is not installed (apt-get install {package})"
                    item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure, where nothing may be skipped."""
    return _refuse_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn a skipped module into a failure, where nothing may be skipped."""
    return _refuse_skip((yield))


def _refuse_skip(report: _R) -> _R:
    if _REQUIRE_ALL and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"nothing may be skipped in this mode: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def softhsm(tmp_path_factory: pytest.TempPathFactory) -> SoftHSM:
    """Where tests make tokens; one configuration serves a whole process."""
    from tests.support.tokens import SoftHSM

    return SoftHSM(tmp_path_factory.mktemp("softhsm"))


def _stay_on_this_machine(event: str, arguments: tuple[object, ...]) -> None:
    if event not in ("socket.connect", "socket.sendto"):
        return
    address = arguments[1]
    if not isinstance(address, tuple):
        return
    host = str(address[0])
    if not (host.startswith("127.") or host in ("localhost", "::1", "")):
        raise RuntimeError(f"a test wants to reach {host}: tests stay on this machine")


sys.addaudithook(_stay_on_this_machine)
