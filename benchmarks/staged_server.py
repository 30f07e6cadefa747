"""`ca_server` as it is, but telling where its time goes.

    python -m benchmarks.staged_server --config FILE

At each SIGUSR1 it writes one line of JSON to standard output: seconds of processor time
by stage since its start, and those of the whole process.
"""

from __future__ import annotations

import json
import runpy
import signal
import sys
import time
from typing import Final

import flask
from waitress.task import WSGITask

import ca_server
from benchmarks.stages import Stages
from ca_server.following import Follower
from jpki.access import Authenticator
from jpki.authority.certifying import making
from jpki.authority.issuing import issuance
from jpki.keys.software import SoftwareSigner
from jpki.registry.client import RegistryClient
from jpki.service import wsgi
from jpki.store import AuthorityStore
from jpki.x509.certificates import Series

__all__ = ["STAGES"]

STAGES: Final = (
    "HTTP: receive, parse, send",
    "HTTP: routing, answer",
    "request signature",
    "caller and nonce looked up",
    "proof of possession",
    "strength of the key",
    "register asked",
    "database and log",
    "preparing and lint",
    "signing",
    "signature checked",
    "following the register",
)
"""Stages as they are printed; what is in none of them is the interpreter's."""


def _wrap(stages: Stages) -> None:
    receive, answer, *steps, follow = STAGES
    caller, known, proof, key, register, books, lint, sign, check = steps
    stages.wrap(wsgi, "_turn", receive)
    stages.wrap(WSGITask, "service", receive)
    stages.wrap(flask.Flask, "wsgi_app", answer)
    stages.wrap(Authenticator, "authenticate", caller)
    stages.wrap(ca_server, "find_caller", known, whole=True)
    stages.wrap(AuthorityStore, "remember_nonce", known, whole=True)
    stages.wrap(issuance, "parse_certification_request", proof)
    stages.wrap(issuance, "verify_possession", proof)
    stages.wrap(issuance, "check_strength", key)
    stages.wrap(RegistryClient, "provide", register, whole=True)
    stages.wrap_context(AuthorityStore, "read", books)
    stages.wrap_context(AuthorityStore, "write", books)
    stages.wrap(Series, "prepare", lint)
    stages.wrap(SoftwareSigner, "sign", sign)
    stages.wrap(making, "verify_signature", check)
    for work in ("follow", "publish", "maintain"):
        stages.wrap(Follower, work, follow, whole=True)


def _report(stages: Stages) -> None:
    spent = {"process": time.process_time(), "stages": stages.seconds()}
    print(json.dumps(spent), flush=True)


if __name__ == "__main__":
    stages = Stages()
    _wrap(stages)
    signal.signal(signal.SIGUSR1, lambda *_: _report(stages))
    sys.argv[0] = "ca_server"
    runpy.run_module("ca_server", run_name="__main__")
