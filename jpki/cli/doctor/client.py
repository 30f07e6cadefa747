"""Asks whether it is one of our servers that listens somewhere."""

from __future__ import annotations

import http.client
import json
from enum import Enum
from typing import Final

__all__ = ["Health", "ask_health"]

_SECONDS: Final = 3.0
_MAX_BODY: Final = 64 * 1024
_ANY: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}
"""An address to listen on that is none to call."""


class Health(Enum):
    """Who answers."""

    NOBODY = "nobody"
    STRANGER = "stranger"
    NOT_READY = "not-ready"
    READY = "ready"


def ask_health(host: str, port: int) -> Health:
    """Ask `/health/live` and `/health/ready`; whatever answers, this returns."""
    connection = http.client.HTTPConnection(
        _ANY.get(host, host), port, timeout=_SECONDS
    )
    try:
        connection.connect()
    except (OSError, UnicodeError):  # a name that is none cannot even be asked for
        return Health.NOBODY
    try:
        if _status(connection, "/health/live") != "live":
            return Health.STRANGER
        ready = _status(connection, "/health/ready") == "ready"
        return Health.READY if ready else Health.NOT_READY
    except (OSError, http.client.HTTPException, ValueError):
        return Health.STRANGER
    finally:
        connection.close()


def _status(connection: http.client.HTTPConnection, path: str) -> object:
    connection.request("GET", path)
    document = json.loads(connection.getresponse().read(_MAX_BODY))
    return document.get("status") if isinstance(document, dict) else None
