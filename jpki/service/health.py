"""Whether a server lives, and whether it can do its work."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus

from jpki.service.answers import Answer, json_answer

__all__ = ["Health"]

_log = logging.getLogger(__name__)


class Health:
    """Named checks; each raises when what it looks at is not usable."""

    def __init__(self, checks: Mapping[str, Callable[[], object]]) -> None:
        self._checks = checks

    def live(self) -> Answer:
        """`/health/live`: the process answers."""
        return json_answer({"status": "live"})

    def ready(self) -> Answer:
        """`/health/ready`: whether all checks pass; 503 if one does not.

        A reason is logged, never shown: it may name hosts and files.
        """
        results = {}
        for name, check in self._checks.items():
            try:
                check()
            except Exception:
                _log.warning("not ready: %s", name, exc_info=True)
                results[name] = "failed"
            else:
                results[name] = "ok"
        ready = all(result == "ok" for result in results.values())
        return json_answer(
            {"status": "ready" if ready else "not-ready", "checks": results},
            HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE,
        )
