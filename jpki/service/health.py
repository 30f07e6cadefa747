"""Whether a server lives, and whether it can do its work."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

__all__ = ["Health"]

_log = logging.getLogger(__name__)


class Health:
    """Named checks; each raises when what it looks at is not usable."""

    def __init__(self, checks: Mapping[str, Callable[[], object]]) -> None:
        self._checks = checks

    def live(self) -> dict[str, object]:
        """The document of `/health/live`: the process answers."""
        return {"status": "live"}

    def ready(self) -> tuple[bool, dict[str, object]]:
        """Whether all checks pass, and the document of `/health/ready`.

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
        return ready, {"status": "ready" if ready else "not-ready", "checks": results}
