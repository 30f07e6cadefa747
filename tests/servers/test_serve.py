"""`jpki serve`: three servers from one file, until it is told to stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.support.installation import (
    Installation,
    ended_within,
    founded_installation,
    listens,
    processes_of,
)

pytestmark = pytest.mark.slow

_JPKI: Final = str(Path(sys.executable).with_name("jpki"))
_SECONDS: Final = 60


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation that nobody serves yet."""
    with founded_installation(tmp_path_factory.mktemp("serve") / "site") as made:
        yield made


def ports(installation: Installation) -> list[int]:
    """Of the three servers."""
    settings = installation.settings
    return [
        settings.authority.port,
        settings.revocation.port,
        settings.registry.port,
    ]


@contextmanager
def serving(
    installation: Installation, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run `jpki serve`; nothing of it is left at the end."""
    with subprocess.Popen(
        [_JPKI, "serve", "--config", str(installation.layout.config)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    ) as process:
        try:
            yield process
        finally:
            process.kill()
    assert ended_within(_SECONDS, installation.layout.directory)


def told(process: subprocess.Popen[str]) -> list[str]:
    """What it prints until it is ready."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "Ctrl-C" in line:
            return lines
    raise AssertionError(process.communicate())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_stop(
    founded: Installation, number: signal.Signals
) -> None:
    """Addresses are printed, a certificate can be had, then all is quiet."""
    with serving(founded) as process:
        lines = told(process)
        assert [line.split()[0] for line in lines[:3]] == [
            *("registry_stub", "ca_server", "ocsp_crl"),
        ]
        for port in ports(founded):
            assert any(f"http://127.0.0.1:{port}" in line for line in lines)
            assert listens(port)
        founded.certified()
        process.send_signal(number)
        output, errors = process.communicate(timeout=_SECONDS)
        assert (process.returncode, output, errors) == (0, "Stopped.\n", "")
        assert processes_of(founded.layout.directory) == []
        assert not any(map(listens, ports(founded)))
    founded.check_books()


def test_it_ends_with_the_first_server_that_ends(founded: Installation) -> None:
    """Two of three are no service; which one ended is told."""
    with serving(founded) as process:
        told(process)
        (line,) = (
            entry
            for entry in Path("/proc").iterdir()
            if entry.name.isdecimal() and _is_responder(entry, founded)
        )
        os.kill(int(line.name), signal.SIGKILL)
        _, errors = process.communicate(timeout=_SECONDS)
        assert process.returncode == 2
        assert "ocsp_crl" in errors
        assert "[service.unavailable]" in errors
        assert "Traceback" not in errors


def _is_responder(entry: Path, installation: Installation) -> bool:
    try:
        words = (entry / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"ocsp_crl" in words and str(installation.layout.config).encode() in words


def test_a_port_in_use_is_told(founded: Installation) -> None:
    """By the server that wanted it; the others stop."""
    taken = str(founded.settings.registry.port)
    with serving(founded, {"JPKI_REVOCATION__PORT": taken}) as process:
        _, errors = process.communicate(timeout=_SECONDS)
        assert process.returncode == 2
        assert "in use" in errors
        assert "Traceback" not in errors


def test_servers_do_not_outlive_it(founded: Installation) -> None:
    """`kill -9`: the servers notice and end."""
    with serving(founded) as process:
        told(process)
        process.kill()
        process.wait()
        assert ended_within(_SECONDS, founded.layout.directory)
