"""Starting server processes: what is said of one that does not come."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import pytest

from jpki.cli.interruption import Interruption
from jpki.cli.supervisor import Supervisor, free_ports
from jpki.errors import ServiceUnavailable


def test_free_ports_are_free_and_different() -> None:
    """So that servers started side by side do not meet."""
    ports = free_ports(20)
    assert len(set(ports)) == 20
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", ports[0]))


def test_a_server_that_ends_at_once_is_told_with_its_last_words(
    tmp_path: Path,
) -> None:
    """The reason stands in its log; nothing keeps running."""
    missing = tmp_path / "none.toml"
    with Supervisor(missing, tmp_path / "logs") as supervisor:
        with pytest.raises(ServiceUnavailable) as error:
            supervisor.start("registry_stub")
        assert supervisor.servers == ()
    assert error.value.service == "registry_stub"
    assert str(missing) in error.value.reason
    assert "No such file" in error.value.reason


def test_a_word_that_the_interpreter_ignored_is_heard(tmp_path: Path) -> None:
    """An exception that a signal raises in a destructor goes nowhere."""
    interruption = Interruption()
    with pytest.raises(KeyboardInterrupt):
        interruption(signal.SIGTERM, None)
    with (
        Supervisor(tmp_path / "none.toml", tmp_path) as supervisor,
        pytest.raises(KeyboardInterrupt),
    ):
        supervisor.watch(interruption)
