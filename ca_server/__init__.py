"""The certification authorities as a server: counters apply, authorities issue.

`create_app` makes the WSGI application; `python -m ca_server --config FILE` runs it
and follows the resident register beside it.
"""

from __future__ import annotations

from flask import Flask
from werkzeug.exceptions import HTTPException

from ca_server.problems import PROBLEMS
from ca_server.routes import Counter, blueprint
from jpki.access import Authenticator
from jpki.authority.delegating.operators import find_caller
from jpki.authority.office import Office
from jpki.model.operators import Caller
from jpki.model.ports import Clock
from jpki.service.clock import RequestClock
from jpki.service.health import Health
from jpki.service.metrics import Metrics
from jpki.service.problems import refused
from jpki.service.settings import Settings

__all__ = ["create_app"]


def create_app(settings: Settings, office: Office, *, clock: Clock) -> Flask:
    """Serve an office that is open.

    Args:
        settings: the whole file; [common] and [authority] are used.
        office: the authorities.
        clock: the time.
    """
    own = settings.authority

    def find(operator: str) -> Caller | None:
        return find_caller(office, operator, at=clock())

    counter = Counter(
        office=office,
        authenticator=Authenticator(find, office.store.remember_nonce),
        clock=RequestClock(clock=clock, test_system=settings.common.test_system),
        health=Health({"database": lambda: _current(office)}),
        origin=own.public_url,
    )
    metrics = Metrics(
        "applications",
        "audit",
        "certificates",
        "enquiries",
        "health",
        "requests",
        "surrenders",
    )
    app = Flask(__name__, static_folder=None)
    metrics.watch(app)
    app.config["MAX_CONTENT_LENGTH"] = own.body_limit
    app.register_blueprint(blueprint(counter))
    app.register_error_handler(HTTPException, refused)
    app.register_error_handler(Exception, PROBLEMS.problem)
    return app


def _current(office: Office) -> None:
    if not office.store.is_current():
        raise RuntimeError("the schema is not the newest")
