"""Run the verifier: `python -m examples.verifier --config FILE`."""

from __future__ import annotations

import sys
import threading

from examples.verifier import create_app
from examples.verifier.config import VerifierConfiguration, load
from jpki.service.command import Server, run_server


def _build(configuration: VerifierConfiguration, _stop: threading.Event) -> Server:
    return Server(app=create_app(configuration), listening=configuration.own)


if __name__ == "__main__":
    sys.exit(run_server("examples.verifier", "A headless verifier.", load, _build))
