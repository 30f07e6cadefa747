"""Run the register: `python -m registry_stub --config FILE`."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from pathlib import Path

from jpki.errors import JpkiError
from jpki.service import wsgi
from jpki.service.logs import configure_logging
from jpki.service.settings import load
from registry_stub import create_app


def main() -> int:
    """Serve until told to stop; 2 where it cannot start."""
    parser = argparse.ArgumentParser(
        prog="registry_stub", description="A resident register for tests."
    )
    parser.add_argument("--config", type=Path, required=True, metavar="FILE")
    arguments = parser.parse_args()
    stop = threading.Event()
    try:
        settings = load(arguments.config, os.environ)
        configure_logging(settings.common.log_level)
        own = settings.registry
        return wsgi.run(
            create_app(settings, stop=stop),
            host=own.host,
            port=own.port,
            threads=own.threads,
            body_limit=own.body_limit,
            stop=stop,
            background=[wsgi.stop_with_parent],
        )
    except JpkiError as error:
        hint = "" if error.hint is None else f" ({error.hint})"
        print(f"registry_stub: {error}{hint}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
