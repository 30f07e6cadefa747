"""An e-application portal: makes an application, takes it back signed, and judges it.

`create_app` makes the WSGI application; `python -m examples.portal --config FILE` runs
it. All that is about trust is one call to `jpki.verify.Verifier`.
"""

from __future__ import annotations

from flask import Flask

from examples.portal.archive import Archive
from examples.portal.config import PortalConfiguration
from examples.portal.problems import install_problems
from examples.portal.routes import Portal, blueprint
from jpki.model.ports import Clock
from jpki.service.clock import ProcessClock, RequestClock
from jpki.service.health import Health
from jpki.service.verification import evidence_for
from jpki.verify import EvidenceSource, Verifier

__all__ = ["create_app"]

_MAX_PARTS = 8


def create_app(
    configuration: PortalConfiguration,
    *,
    clock: Clock | None = None,
    evidence: EvidenceSource | None = None,
) -> Flask:
    """Set up the portal.

    Args:
        configuration: what its file says.
        clock: the time; the configuration's by default.
        evidence: where CRLs and OCSP answers come from; over HTTP by default.

    Raises:
        ConfigurationError: a trust anchor cannot be read, or there is none.
    """
    own, common = configuration.own, configuration.common
    policy = configuration.policy()
    archive = Archive(own.archive_directory)
    portal = Portal(
        verifier=Verifier(policy, evidence or evidence_for(own)),
        policy=policy,
        archive=archive,
        clock=RequestClock(
            clock=clock or ProcessClock(common.clock_offset),
            test_system=common.test_system,
        ),
        language=common.language,
        health=Health({"archive": archive.check}),
        agent_url=own.agent_url,
    )
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = own.body_limit
    app.config["MAX_FORM_MEMORY_SIZE"] = own.body_limit
    app.config["MAX_FORM_PARTS"] = _MAX_PARTS
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.register_blueprint(blueprint(portal))
    install_problems(app, portal)
    return app
