"""What a server can be watched by, in the text format of Prometheus.

Every process counts for itself. Nothing that is counted names a person, a certificate
or a path below its first word.
"""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from jpki.service.answers import Answer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["Metrics"]

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


class Metrics:
    """The figures of one server process."""

    def __init__(self, *words: str) -> None:
        """Begin to count.

        Args:
            words: first parts of paths that are told apart; all others are `other`.
        """
        self._words = frozenset(words)
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Histogram(
            "jpki_request_seconds",
            "Time until the answer to a request began, by the application",
            ("path", "method", "status"),
            buckets=_SECONDS,
            registry=self._registry,
        )

    def add(self, collector: Collector) -> None:
        """Tell what this collects, too."""
        self._registry.register(collector)

    def page(self) -> Answer:
        """`/metrics`."""
        return Answer(
            status=HTTPStatus.OK,
            body=generate_latest(self._registry),
            headers=(
                ("Content-Type", CONTENT_TYPE_LATEST),
                ("Cache-Control", "no-store"),
            ),
        )

    def watch(self, app: Any) -> None:
        """Count the requests of a Flask application, and tell them at `/metrics`."""
        app.wsgi_app = self.measured(app.wsgi_app)
        app.add_url_rule("/metrics", view_func=self.page)

    def measured(self, app: WSGIApplication) -> WSGIApplication:
        """The same application, whose requests are counted."""

        def counting(
            environ: WSGIEnvironment, start_response: StartResponse
        ) -> Iterable[bytes]:
            began = perf_counter()

            def start(status: str, *rest: Any) -> Any:
                self._count(environ, status, perf_counter() - began)
                return start_response(status, *rest)

            return app(environ, start)

        return counting

    def _count(self, environ: WSGIEnvironment, status: str, seconds: float) -> None:
        word = str(environ.get("PATH_INFO", "")).lstrip("/").partition("/")[0]
        method = str(environ.get("REQUEST_METHOD", ""))
        labels = (
            word if word in self._words else "other",
            method if method in _METHODS else "other",
            status[:3],
        )
        self._requests.labels(*labels).observe(seconds)


_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})
