"""A resident's card of the reference PKI, and signing agents as real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from jpki import data
from jpki.cards.applet import VirtualCard
from jpki.cards.card_types import card_type
from jpki.cards.session import CardSession
from jpki.cards.transport import InProcessTransport
from jpki.model.purposes import Purpose
from jpki.model.suites import suite
from jpki.x509.certificates import prepare_certificate
from tests.support.cards import ISSUER_SECRET, PINS, SERIAL
from tests.support.reference_pki import RESIDENT, VALUES, ReferencePKI
from tests.support.sources import ROOT

__all__ = ["RunningAgent", "resident_card", "running_agent"]

_JPKI: Final = "from jpki.cli import main; main(prog_name='jpki')"
_SERIALS: Final = {Purpose.SIGNATURE: 1 << 72, Purpose.AUTHENTICATION: (1 << 72) + 1}


def resident_card(file: Path, pki: ReferencePKI) -> Path:
    """A My Number card with both certificates and the PINs of `tests.support.cards`."""
    made = VirtualCard.create(
        file, card_type("my-number"), serial=SERIAL, issuer_secret=ISSUER_SECRET
    )
    with made as card, CardSession(InProcessTransport(card)) as session:
        session.authenticate_counter(ISSUER_SECRET)
        for purpose, pin in PINS.items():
            role = purpose.value
            public_key = session.generate_key_pair(purpose, suite(pki.era.suites[role]))
            session.set_pin(purpose, lambda pin=pin: pin)  # type: ignore[misc]  # bound now
            issuer = pki.a if purpose is Purpose.SIGNATURE else pki.b
            prepared = prepare_certificate(
                data.certificate_profile(pki.era.profiles[role]),
                issuer=issuer.view,
                values=VALUES,
                public_key=public_key,
                serial=_SERIALS[purpose],
                not_before=pki.at,
                basic=RESIDENT if purpose is Purpose.SIGNATURE else None,
            )
            certificate = issuer.sign(prepared.tbs)
            session.write_certificates(purpose, certificate, issuer.certificate)
    return file


class RunningAgent:
    """`jpki agent` as a process; its confirmations' addresses come into a folder."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self._folder = folder
        self._seen = 0

    def confirmation(self) -> str:
        """The address of the next confirmation, once it is opened."""
        until = time.monotonic() + 15
        while time.monotonic() < until:
            addresses = sorted(self._folder.glob("*.address"))
            if len(addresses) > self._seen:
                self._seen += 1
                return addresses[self._seen - 1].read_text("utf-8")
            time.sleep(0.05)
        raise AssertionError("no confirmation was opened")


_OPENER: Final = """\
#!{python}
import pathlib, sys, time
name = f"{{time.monotonic_ns():020}}"
folder = pathlib.Path({folder!r})
(folder / f"{{name}}.part").write_text(sys.argv[1])
(folder / f"{{name}}.part").rename(folder / f"{{name}}.address")
"""


@contextmanager
def running_agent(
    folder: Path,
    card: str,
    *arguments: str,
    within: Callable[[Sequence[str]], Sequence[str]] = list,
    by_default: bool = False,
) -> Iterator[RunningAgent]:
    """An agent for this card; what opens its confirmations writes their addresses.

    Args:
        folder: for what is written.
        card: as `--card` takes it.
        arguments: more of the command line.
        within: makes the command one that runs somewhere else.
        by_default: confirmations are opened by the default browser.
    """
    folder.mkdir(parents=True, exist_ok=True)
    opener = folder / "open"
    opener.write_text(_OPENER.format(python=sys.executable, folder=str(folder)))
    opener.chmod(0o700)
    line = [sys.executable, "-c", _JPKI, "agent", "--json", "--port", "0"]
    line += ["--card", card, *arguments]
    if not by_default:
        line += ["--open-with", str(opener)]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(
            within(line),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, "PYTHONPATH": str(ROOT), "BROWSER": str(opener)},
        ) as process,
    ):
        assert process.stdout is not None
        assert process.stdin is not None
        ready = process.stdout.readline()
        assert ready, (folder / "log").read_text("utf-8")
        try:
            yield RunningAgent(json.loads(ready)["ready"], folder)
        finally:
            process.stdin.close()
            assert process.wait(timeout=20) == 0
