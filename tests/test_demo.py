"""`jpki demo` as a user runs it: the story, what it leaves, and how it ends."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from jpki.cli.demo.client import PortalClient
from jpki.cli.demo.story import PASSWORD
from tests.support.agent_room import AgentRoom, CardSlot, signature_request
from tests.support.agents import running_agent
from tests.support.installation import ended_within, listens, processes_of

pytestmark = pytest.mark.slow

_JPKI: Final = (str(Path(sys.executable).with_name("jpki")),)
_STORY_SECONDS: Final = 180
_STOP_SECONDS: Final = 30


def _environment(folder: Path) -> dict[str, str]:
    """Ours, with temporary files in a folder that can be looked through."""
    return {**os.environ, "TMPDIR": str(folder), "LANG": "en_US.UTF-8"}


def _story(folder: Path, *arguments: str) -> dict[str, Any]:
    """Run the story to its end; its JSON document."""
    result = subprocess.run(
        [*_JPKI, "demo", "--json", *arguments],
        capture_output=True,
        timeout=_STORY_SECONDS,
        env=_environment(folder),
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stderr == b""
    document = json.loads(result.stdout)
    assert isinstance(document, dict)
    return document


def _check_story(document: dict[str, Any]) -> None:
    assert document["ok"] is True
    assert len(document["steps"]) == 7
    for number, step in enumerate(document["steps"], 1):
        assert (step["step"], step["ok"]) == (number, True)
        assert step["told"]
        assert step["seconds"] >= 0
    verdicts = [
        verdict["outcome"] for step in document["steps"] for verdict in step["verdicts"]
    ]
    assert verdicts == ["valid", "invalid", "valid"]
    books = document["steps"][6]["facts"]["books"]
    assert books["problems"] == []
    assert books["feed_position"] == 1


def test_the_story_as_one_document(tmp_path: Path) -> None:
    """Every step is ok, OCSP knows in under a second, and nothing is left behind."""
    document = _story(tmp_path)
    _check_story(document)
    assert 0 < document["event_to_ocsp_seconds"] < 1
    kinds = {
        artefact["kind"] for step in document["steps"] for artefact in step["artefacts"]
    }
    assert {"certificate", "crl", "document", "signature", "verdict"} <= kinds
    assert list(tmp_path.iterdir()) == []
    assert processes_of(tmp_path) == []


def test_the_story_on_another_day(tmp_path: Path) -> None:
    """All servers, cards and verdicts live in 2014."""
    document = _story(tmp_path, "--at", "2014-10-01")
    _check_story(document)
    assert document["at"].startswith(("2014-09-30T15:", "2014-09-30T16:"))


@pytest.mark.parametrize("era", ["prefectural-sha1", "jlis", "next-gen"])
def test_the_story_in_another_era(tmp_path: Path, era: str) -> None:
    """With the algorithms, authorities and card of that time; the first one in 2004."""
    document = _story(tmp_path, "--era", era)
    _check_story(document)
    assert document["era"] == era
    assert document["at"].startswith("2004-01-2") == (era == "prefectural-sha1")
    authority = "governor-08" if era == "prefectural-sha1" else "national-signature"
    made = {
        artefact["name"] for step in document["steps"] for artefact in step["artefacts"]
    }
    assert f"{authority}.crl.pem" in made


@pytest.mark.parametrize("era", ["post-quantum"])
def test_an_era_without_a_card_says_so(tmp_path: Path, era: str) -> None:
    """What its residents' keys are, what the card makes, and what works instead."""
    done = subprocess.run(
        [*_JPKI, "demo", "--era", era],
        capture_output=True,
        text=True,
        timeout=60,
        env=_environment(tmp_path),
        check=False,
    )
    assert done.returncode == 2
    assert "the card of that time is not public" in done.stderr
    assert f"jpki pki build --era {era}" in done.stderr
    assert list(tmp_path.iterdir()) == []


# -- kept running ---------------------------------------------------------------------


class Kept:
    """A demo that was told to keep its servers, after its story."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.process = process
        self.folder = folder
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line == "}\n":
                break
        self.document = json.loads("".join(lines))
        self.ports = [
            table["port"]
            for name in ("jpki.toml", "portal.toml")
            for table in tomllib.loads((folder / name).read_text()).values()
            if "port" in table
        ]

    def printed(self, *words: str) -> str:
        """The printed command that has these words."""
        (command,) = (
            line
            for line in self.document["by_hand"]
            if all(word in line for word in words)
        )
        return str(command)

    def by_hand(self, *words: str) -> tuple[int, str]:
        """Run the printed command that has these words, exactly as printed."""
        result = subprocess.run(
            ["bash", "-c", self.printed(*words)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return result.returncode, result.stdout + result.stderr


@contextmanager
def _keeping(folder: Path, *arguments: str) -> Iterator[Kept]:
    """Run `jpki demo --keep`; killed at the end if it still runs."""
    (folder / "tmp").mkdir()
    with subprocess.Popen(
        [*_JPKI, "demo", "--json", "--keep", str(folder / "kept"), *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env=_environment(folder / "tmp"),
    ) as process:
        try:
            yield Kept(process, folder / "kept")
        finally:
            process.kill()
    assert ended_within(_STOP_SECONDS, folder)


@pytest.mark.needs("openssl", "curl")
@pytest.mark.parametrize(
    ("arguments", "anchor"),
    [
        (("--at", "2014-10-01"), "governor-13"),
        (("--era", "jlis"), "national-signature"),
        (("--era", "next-gen"), "national-signature"),
    ],
    ids=["2014", "jlis", "next-gen"],
)
def test_the_printed_commands_work_as_printed(
    tmp_path: Path, arguments: tuple[str, ...], anchor: str
) -> None:
    """They say revoked of the first certificate and good of the second."""
    with _keeping(tmp_path, *arguments) as kept:
        for name, word in (("first", "revoked"), ("second", "good")):
            status, output = kept.by_hand("openssl ocsp", f"{name}.pem")
            assert status == 0, output
            assert "Response verify OK" in output
            assert f"{name}.pem: {word}" in output
        status, output = kept.by_hand("openssl verify", "first.pem")
        assert status != 0
        assert "certificate revoked" in output
        status, output = kept.by_hand("openssl verify", f"{anchor}.pem", "second.pem")
        assert (status, output) == (0, f"{tmp_path}/kept/artefacts/second.pem: OK\n")
        status, output = kept.by_hand("curl", "/crls", "openssl crl")
        assert status == 0
        assert "Affiliation Changed" in output
        status, output = kept.by_hand("verify", "--signature")
        assert status == 0, output


def test_the_storys_card_signs_for_the_storys_portal(tmp_path: Path) -> None:
    """Through the signing agent, started as printed but for its port."""
    with _keeping(tmp_path, "--at", "2014-10-01") as kept:
        command = f"exec {kept.printed('jpki agent')} --port 0 --json"
        portal = kept.printed("xdg-open").split()[1].rstrip("/")
        with running_agent(
            tmp_path / "agent", "", within=lambda _: ["bash", "-c", command]
        ) as agent:
            addresses: Queue[str] = Queue()
            room = AgentRoom(urlsplit(agent.url).port or 0, CardSlot(), addresses)
            client = PortalClient(portal)
            document = client.application(
                {"procedure": "residence-record", "statement": "一通"}
            )
            encoded = base64.b64encode(document).decode("ascii")
            asked = room.ask(signature_request(document=encoded), portal)
            addresses.put(agent.confirmation())
            page = room.press(room.window(), pin=PASSWORD)
            room.press(page)
            signature = base64.b64decode(asked.result(20).document["signature"])
            assert client.submit(document, signature)["accepted"] is True
            room.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_kept_demo_ends_when_told(tmp_path: Path, number: signal.Signals) -> None:
    """No process is left, every port is free; the folder stays."""
    with _keeping(tmp_path) as kept:
        assert all(map(listens, kept.ports))
        assert len(kept.ports) == 4
        assert len(processes_of(tmp_path)) == 5
        kept.process.send_signal(number)
        assert kept.process.wait(_STOP_SECONDS) == 0
        assert processes_of(tmp_path) == []
        assert not any(map(listens, kept.ports))
        assert (kept.folder / "artefacts" / "second.pem").exists()


def test_servers_do_not_outlive_a_killed_demo(tmp_path: Path) -> None:
    """`kill -9` of the demo: its servers notice and end."""
    with _keeping(tmp_path) as kept:
        kept.process.kill()
        kept.process.wait()
        assert ended_within(_STOP_SECONDS, tmp_path)
        assert not any(map(listens, kept.ports))


@pytest.mark.parametrize("seconds", [0.8, 2.5, 5.0])
def test_a_story_can_be_cut_short(tmp_path: Path, seconds: float) -> None:
    """Ctrl-C in the middle: everything ends, the temporary folder goes."""
    with subprocess.Popen(
        [*_JPKI, "demo"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(tmp_path),
    ) as process:
        try:
            time.sleep(seconds)
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=_STOP_SECONDS)
        finally:
            process.kill()
    assert b"Traceback" not in output + errors
    assert ended_within(_STOP_SECONDS, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    """Nothing is overwritten, and the next step is told."""
    (tmp_path / "kept" / "data" / "keys").mkdir(parents=True)
    result = subprocess.run(
        [*_JPKI, "demo", "--keep", str(tmp_path / "kept")],
        capture_output=True,
        text=True,
        timeout=60,
        env=_environment(tmp_path),
        check=False,
    )
    assert result.returncode == 2
    assert "is there already" in result.stderr
    assert "[configuration]" in result.stderr
    assert "Traceback" not in result.stderr
    shutil.rmtree(tmp_path / "kept")
