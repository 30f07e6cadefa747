"""A whole issuance at the counter: authority, reader and card, key generation apart.

From the application to the recorded delivery, by the library call that
`jpki counter enrol` makes: three signed requests to the authority's real server and
every command to the card, which is a process of its own behind pcscd and vpcd. The
limit is the same issuance with the card in the process of the workstation.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.figures import Figure, Target
from tests.support.cards import blank_image
from tests.support.pcsc_room import room

__all__ = ["run"]


def run(quick: bool) -> Sequence[Figure]:
    """Issue again and again to new residents, on one card."""
    probed = _probed(5 if quick else 15)
    return [
        Figure(
            name="commands of an issuance at the counter",
            value=probed["commands"],
            unit="",
            target=Target("at most", 20),
        ),
        Figure(
            name="an issuance at the counter, without key generation",
            value=probed["seconds"] * 1000,
            unit="ms",
            limit=probed["here"] * 1000,
            target=Target("at most", 150),
        ),
        Figure(
            name="of it, commands through pcscd and vpcd",
            value=probed["card"] * 1000,
            unit="ms",
        ),
        Figure(
            name="of it, requests to the authority and work of the counter",
            value=(probed["seconds"] - probed["card"]) * 1000,
            unit="ms",
        ),
    ]


def _probed(rounds: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as made, room(Path(made)) as here:
        file = here.folder / "card.json"
        file.touch(0o600)
        file.write_bytes(blank_image("juki").content)
        with here.inserted(file):
            # The servers run in the room as well: it has a loopback of its own.
            line = [sys.executable, "-m", "benchmarks.counter_probe", str(rounds)]
            told = here.run(*line).stdout
    found: dict[str, float] = json.loads(told.splitlines()[-1])
    return found
