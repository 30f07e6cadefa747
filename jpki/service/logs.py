"""Log lines of a server: one JSON object each, without numbers that name people."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Final

__all__ = ["JSONFormatter", "configure_logging", "masked"]

_RESIDENT_CODE: Final = re.compile(r"(?<![0-9])[0-9]{7}(?=[0-9]{4}(?![0-9]))")


def masked(text: str) -> str:
    """Hide all but the last four digits of anything shaped like a 住民票コード.

    Paths of requests hold them, and libraries write paths into their messages.
    """
    return _RESIDENT_CODE.sub("…", text)


class JSONFormatter(logging.Formatter):
    """Render a record as one line of JSON, masked."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(
                timespec="milliseconds"
            ),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": masked(record.getMessage()),
        }
        if record.exc_info:
            line["traceback"] = masked(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


def configure_logging(level: str = "info") -> None:
    """Send the process's log to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JSONFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
