"""The resident register as a small server: it stands in for Juki-Net (住基ネット).

`create_app` makes the WSGI application; `python -m registry_stub --config FILE` runs
it.
"""

from __future__ import annotations

import threading

from flask import Flask
from werkzeug.exceptions import HTTPException

from jpki.access import Authenticator, load_callers
from jpki.model.ports import Clock
from jpki.registry import Feed, seed
from jpki.service.clock import ProcessClock, RequestClock
from jpki.service.health import Health
from jpki.service.metrics import Metrics
from jpki.service.problems import refused
from jpki.service.settings import Settings
from jpki.store import RegistryStore
from registry_stub.problems import PROBLEMS
from registry_stub.routes import Registry, blueprint

__all__ = ["create_app"]


def create_app(
    settings: Settings,
    *,
    clock: Clock | None = None,
    stop: threading.Event | None = None,
) -> Flask:
    """Open the register, bring its schema up to date, and serve it.

    Args:
        settings: the whole file; [common] and [registry] are used.
        clock: the time; the settings' by default.
        stop: set when the server stops, so that waiting readers are let go.

    Raises:
        ConfigurationError: the list of clients cannot be used.
        StoreError: the database cannot be used.
    """
    own = settings.registry
    clock = clock or ProcessClock(settings.common.clock_offset)
    callers = load_callers(own.clients)
    store = RegistryStore(own.database)
    store.migrate()
    if own.seed:
        seed(store, at=clock())
    registry = Registry(
        store=store,
        feed=Feed(
            store, stop=stop or threading.Event(), readers=max(1, own.threads // 2)
        ),
        authenticator=Authenticator(callers.get, store.remember_nonce),
        clock=RequestClock(clock=clock, test_system=settings.common.test_system),
        health=Health({"database": lambda: _current(store)}),
        origin=own.public_url,
    )
    metrics = Metrics("events", "health", "residents")
    app = Flask(__name__, static_folder=None)
    metrics.watch(app)
    app.config["MAX_CONTENT_LENGTH"] = own.body_limit
    app.url_map.merge_slashes = False
    app.extensions["jpki.store"] = store
    app.register_blueprint(blueprint(registry))
    app.register_error_handler(HTTPException, refused)
    app.register_error_handler(Exception, PROBLEMS.problem)
    return app


def _current(store: RegistryStore) -> None:
    if not store.is_current():
        raise RuntimeError("the schema is not the newest")
