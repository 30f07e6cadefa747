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
from jpki.data import era
from jpki.model.ports import Clock
from jpki.service.clock import ProcessClock, RequestClock
from jpki.service.health import Health
from jpki.verify import EraAlgorithms, EvidenceSource, VerificationPolicy, Verifier
from jpki.verify.client import OnlineEvidence

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
    own, common = configuration.portal, configuration.common
    policy = VerificationPolicy(
        anchors=configuration.anchors(),
        policies=frozenset(own.policies),
        algorithms=EraAlgorithms(era(common.era)),
        max_revocation_age=own.max_age,
    )
    source = evidence or OnlineEvidence(
        certificates_url=own.certificates_url,
        crls_url=own.crls_url,
        ocsp_url=own.ocsp_url,
    )
    archive = Archive(own.archive_directory)
    portal = Portal(
        verifier=Verifier(policy, source),
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
