"""The counter while its card, or itself, is killed: as before or complete."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from jpki.authority.workstation import enrol, put_on_card
from jpki.cards.apdu import Instruction
from jpki.cards.session import CardSession
from jpki.cards.state import decode_state
from jpki.errors import CardGone, ServiceUnavailable
from jpki.model.codes import ResidentCode
from jpki.model.purposes import Purpose
from jpki.service.workstation import write_workstation_file
from tests.support.cards import ISSUER_SECRET, blank_image, session_on
from tests.support.installation import COUNTER, Installation
from tests.support.reader import ProcessCard, card_process
from tests.support.workstations import NEW_PASSWORD, blank, chosen, station_at

pytestmark = pytest.mark.slow

SIGNATURE = Purpose.SIGNATURE


@pytest.fixture
def card(installation: Installation, tmp_path: Path) -> Path:
    """A blank card as a file."""
    file = tmp_path / "card.json"
    file.touch(0o600)
    file.write_bytes(blank(installation).content)
    return file


def _is_whole(file: Path) -> bool:
    """Neither certificate or both; True for both."""
    state = decode_state(file.read_bytes())
    slot = state.card_type.slot(SIGNATURE)
    assert (slot.certificate in state.files) == (slot.ca_certificate in state.files)
    return slot.certificate in state.files


def _enrol(
    installation: Installation, transport: ProcessCard, resident: ResidentCode
) -> None:
    with CardSession(transport) as session:
        enrol(
            station_at(installation),
            session,
            resident=resident,
            idempotency_key=str(uuid.uuid4()),
            password=chosen(),
        )


@pytest.mark.parametrize(
    ("instruction", "when"),
    [
        (Instruction.GENERATE_ASYMMETRIC_KEY_PAIR, "sent"),
        (Instruction.RESET_RETRY_COUNTER, "sent"),
        (Instruction.PERFORM_SECURITY_OPERATION, "sent"),
        (Instruction.UPDATE_BINARY, "sent"),
        (Instruction.ACTIVATE_FILE, "before"),
        (Instruction.ACTIVATE_FILE, "sent"),
    ],
    ids=lambda value: value.name if isinstance(value, Instruction) else value,
)
def test_a_killed_card_is_as_before_or_complete(
    installation: Installation, card: Path, instruction: Instruction, when: str
) -> None:
    """Killed before or while it works on a command; then the issuance is taken up."""
    resident = installation.newcomer()
    with card_process(card) as transport:

        def kill(command: bytes) -> None:
            if command[1] == instruction:
                transport.kill()

        setattr(transport, when, kill)
        with pytest.raises(CardGone):
            _enrol(installation, transport, resident)
    if when == "before" or instruction is not Instruction.ACTIVATE_FILE:
        assert not _is_whole(card)
    _is_whole(card)
    with card_process(card) as transport:
        _enrol(installation, transport, resident)
    assert _is_whole(card)
    assert installation.certificates_of(resident) == 1
    installation.check_books()


def _command(card: Path, config: Path, *words: str) -> list[str]:
    program = "from jpki.cli import main; main(prog_name='jpki')"
    options = ["--card", str(card), "--config", str(config), "--new-pin-file", "-"]
    return [sys.executable, "-c", program, "counter", *words, *options]


@pytest.mark.parametrize("line", [2, 4, 5])
def test_a_killed_workstation_is_started_again(
    installation: Installation, card: Path, tmp_path: Path, line: int
) -> None:
    """After each line that it tells; the same command then goes on to the end."""
    config = tmp_path / "counter.toml"
    credential = installation.layout.data / "credentials" / f"{COUNTER}.pem"
    secret = write_workstation_file(
        config, installation.settings, credential=credential, card=None
    )
    secret.write_bytes(ISSUER_SECRET)
    resident = installation.newcomer()
    started = _command(card, config, "enrol", str(resident))
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        started,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{NEW_PASSWORD}\n")
        process.stdin.flush()
        for _ in range(line):
            assert process.stdout.readline().startswith("✓")
        process.kill()
    _is_whole(card)
    done = subprocess.run(
        started,
        input=f"{NEW_PASSWORD}\n",
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    if installation.live_application(resident) is None and done.returncode:
        # Killed so late that everything had been done.
        assert "lives until" in done.stderr
    else:
        assert done.returncode == 0, done.stderr
        assert "open application taken up" in done.stdout
    assert _is_whole(card)
    assert installation.certificates_of(resident) == 1
    image = blank_image(installation.office.era.card)
    image.content = card.read_bytes()
    with session_on(image) as session:
        session.verify_pin(SIGNATURE, chosen())
    installation.check_books()


@pytest.mark.parametrize("point", ["issuance.recorded", "issuance.signed"])
def test_an_authority_that_dies_over_a_request_is_waited_for(
    installation: Installation, point: str
) -> None:
    """The card keeps the key that was sent; the same command ends with that one."""
    resident = installation.newcomer()
    image = blank(installation)
    filed = installation.client().file_application(resident, f"until {point}")
    installation.stop("ca_server")
    environment = {
        **os.environ,
        "JPKI_COMMON__TEST_SYSTEM": "true",
        "JPKI_AUTHORITY__KILLED_AT": point,
    }
    line = [
        sys.executable,
        "-m",
        "ca_server",
        "--config",
        str(installation.layout.config),
    ]
    with subprocess.Popen(
        line,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    ) as process:
        try:
            assert process.stdout is not None
            assert b"ready" in process.stdout.readline()
            with session_on(image) as session, pytest.raises(ServiceUnavailable):
                put_on_card(station_at(installation), session, filed, password=chosen())
            assert process.wait(60) == -signal.SIGKILL
        finally:
            process.kill()
            installation.start("ca_server")
    key = decode_state(image.content).keys[SIGNATURE].private.private_numbers()
    told = list[str]()
    with session_on(image) as session:
        done = enrol(
            station_at(installation),
            session,
            resident=resident,
            idempotency_key="again",
            password=chosen(),
            progress=told.append,
        )
    assert told[:2] == ["taken-up", "key-found"]
    assert done.application.id == filed.id
    kept = decode_state(image.content).keys[SIGNATURE].private.private_numbers()
    assert kept == key
    assert installation.certificates_of(resident) == 1
    installation.check_books()
