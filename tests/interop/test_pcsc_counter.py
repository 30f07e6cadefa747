"""The counter's command with a card behind a real PC/SC service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jpki.access import create_credential
from jpki.service.settings import CommonSettings, Settings
from jpki.service.workstation import write_workstation_file
from tests.support.cards import ISSUER_SECRET, issued_image
from tests.support.pcsc_room import READERS, Room, room

pytestmark = [pytest.mark.slow, pytest.mark.needs("pcscd", "vpcd", "opensc")]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Room]:
    """A room with two readers."""
    with room(tmp_path) as made:
        yield made


def test_a_blocked_password_is_reset_in_a_reader(here: Room) -> None:
    """OpenSC blocks it, the counter lifts the block, OpenSC takes the new password."""
    file, config = here.folder / "card.json", here.folder / "counter.toml"
    file.touch(0o600)
    file.write_bytes(issued_image("my-number").content)
    credential = here.folder / "counter.pem"
    create_credential(credential, "counter-082201-1")
    (here.folder / "secrets").mkdir()
    secret = write_workstation_file(
        config,
        Settings(common=CommonSettings(data_directory=here.folder)),
        credential=credential,
        card="card:reader=" + READERS[0].replace(" ", "%20"),
    )
    secret.write_bytes(ISSUER_SECRET)
    verify = ["pkcs15-tool", "--verify-pin", "--auth-id", "2", "--pin"]
    with here.inserted(file):
        for _ in range(5):
            assert here.run(*verify, "WRONG9", check=False).returncode
        assert here.run(*verify, "ABC123", check=False).returncode
        words = "counter", "reset-password", "--new-pin-file", "-", "--config"
        told = here.jpki(*words, config, typed="ANEW77\n").stdout
        assert "password reset (5 tries)" in told
        here.run(*verify, "ANEW77")
