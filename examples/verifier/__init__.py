"""A verifier without pages: programs send documents or path jobs, and get verdicts.

`create_app` makes the WSGI application; `python -m examples.verifier --config FILE`
runs it. `POST /validate` takes the jobs of `jpki verify path --batch`, `POST /verify`
signed documents, which are judged under the one policy of the settings.
"""

from __future__ import annotations

from flask import Flask

from examples.verifier.config import VerifierConfiguration
from examples.verifier.problems import install_problems
from examples.verifier.routes import Desk, blueprint
from jpki.model.ports import Clock
from jpki.service.clock import ProcessClock, RequestClock
from jpki.service.health import Health
from jpki.service.pool_folder import read_pool
from jpki.service.verification import evidence_for
from jpki.verify import AtHand, EvidenceSource, Memory, Pool, Together, Verifier

__all__ = ["create_app"]

_MAX_PARTS = 64


def create_app(
    configuration: VerifierConfiguration,
    *,
    clock: Clock | None = None,
    evidence: EvidenceSource | None = None,
) -> Flask:
    """Set up the verifier.

    Args:
        configuration: what its file says.
        clock: the time; the configuration's by default.
        evidence: where CRLs and OCSP answers come from; over HTTP by default.

    Raises:
        ConfigurationError: a trust anchor or the pool cannot be read.
    """
    own, common = configuration.own, configuration.common
    folder = own.pool_directory
    pool = Pool() if folder is None else read_pool(folder, "verifier.pool_directory")
    source = Together((AtHand(pool), evidence or evidence_for(own)))
    policy = configuration.policy()
    desk = Desk(
        verifier=Verifier(policy, source),
        policy=policy,
        pool=pool,
        memory=Memory(),
        clock=RequestClock(
            clock=clock or ProcessClock(common.clock_offset),
            test_system=common.test_system,
        ),
        health=Health({}),
        body_limit=own.body_limit,
    )
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = own.body_limit
    app.config["MAX_FORM_MEMORY_SIZE"] = own.body_limit
    app.config["MAX_FORM_PARTS"] = _MAX_PARTS
    app.register_blueprint(blueprint(desk))
    install_problems(app)
    return app
