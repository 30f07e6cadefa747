"""Run the portal: `python -m examples.portal --config FILE`."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from pathlib import Path

from examples.portal import create_app
from examples.portal.config import load
from jpki.errors import JpkiError
from jpki.service import wsgi
from jpki.service.logs import configure_logging


def main() -> int:
    """Serve until told to stop; 2 where it cannot start."""
    parser = argparse.ArgumentParser(
        prog="examples.portal", description="An e-application portal."
    )
    parser.add_argument("--config", type=Path, required=True, metavar="FILE")
    arguments = parser.parse_args()
    stop = threading.Event()
    try:
        configuration = load(arguments.config, os.environ)
        configure_logging(configuration.common.log_level)
        own = configuration.portal
        return wsgi.run(
            create_app(configuration),
            host=own.host,
            port=own.port,
            threads=own.threads,
            body_limit=own.body_limit,
            stop=stop,
            background=[wsgi.stop_with_parent],
        )
    except JpkiError as error:
        hint = "" if error.hint is None else f" ({error.hint})"
        print(f"examples.portal: {error}{hint}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
