"""The page of a counter's operator: a process beside the card reader, on loopback.

It has no books and no keys of an authority: it asks the authority as the operator, and
the card through its reader. `create_app` makes the WSGI application; `python -m
ca_server.counter --config FILE` (or `jpki counter serve`) runs it. Every page works
without script.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from ca_server.counter.desk import Desk
from ca_server.counter.guard import Guard
from ca_server.counter.problems import install_problems
from ca_server.counter.resident_routes import add_resident_routes
from ca_server.counter.routes import blueprint
from jpki.access import load_credential
from jpki.authority.workstation import Workstation
from jpki.cards.places import open_place
from jpki.cards.transport import CardTransport
from jpki.model.ports import Random
from jpki.service.clock import system_random
from jpki.service.health import Health
from jpki.service.workstation import WorkstationConfiguration, open_workstation

__all__ = ["create_app"]

_MAX_PARTS = 16


def create_app(
    configuration: WorkstationConfiguration,
    *,
    guard: Guard,
    station: Workstation | None = None,
    connect: Callable[[], CardTransport] | None = None,
    random: Random = system_random,
) -> Flask:
    """Set up the page.

    Args:
        configuration: what its file says.
        guard: lets browsers in.
        station: whom it asks; the configuration's by default.
        connect: reaches the card; where the configuration has it by default.
        random: makes the keys of applications.

    Raises:
        ConfigurationError, CredentialError: secret or credential cannot be used.
    """
    own = configuration.counter
    desk = Desk(
        station=station or open_workstation(configuration),
        connect=connect or (lambda: open_place(configuration.place())),
        operator=load_credential(own.credential).id,
        language=configuration.common.language,
        random=random,
    )
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = own.body_limit
    app.config["MAX_FORM_MEMORY_SIZE"] = own.body_limit
    app.config["MAX_FORM_PARTS"] = _MAX_PARTS
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    guard.watch(app)
    routes = blueprint(desk, Health({}))
    add_resident_routes(routes, desk)
    app.register_blueprint(routes)
    install_problems(app, desk)
    return app
