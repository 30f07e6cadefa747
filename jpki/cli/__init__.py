"""The one program, `jpki`. Commands are imported when they are called, not before."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping
from typing import Final

import click

from jpki.cli.complaints import complain
from jpki.cli.lazy import LazyGroup
from jpki.errors import JpkiError

__all__ = ["main"]

_COMMANDS: Final[Mapping[str, str]] = {
    "init": "jpki.cli.init:init",
    "serve": "jpki.cli.serve:serve",
    "demo": "jpki.cli.demo.command:demo",
    "verify": "jpki.cli.verify:verify",
    "sign": "jpki.cli.sign:sign",
    "audit": "jpki.cli.audit:audit",
    "ca": "jpki.cli.authority:ca",
    "revocation": "jpki.cli.revocation:revocation",
    "verifier": "jpki.cli.verifier:verifier",
    "card": "jpki.cli.card:card",
    "counter": "jpki.cli.counter:counter",
    "tsa": "jpki.cli.tsa:tsa",
    "agent": "jpki.cli.agent:agent",
    "doctor": "jpki.cli.doctor.command:doctor",
    "pki": "jpki.cli.pki.command:pki",
}
"""Command name to `module:attribute`; `jpki verify` must start in a blink."""


_FAULT: Final = 70
"""The exit code of what should never happen (EX_SOFTWARE of sysexits.h)."""


class _Program(LazyGroup):
    """The program as a whole: what goes wrong in any command is told here."""

    def invoke(self, ctx: click.Context) -> object:
        """Show our own errors as a sentence and the next step, never as a traceback."""
        try:
            return super().invoke(ctx)
        except JpkiError as error:
            complain(error)
            ctx.exit(2)
        except (
            click.ClickException,
            click.exceptions.Exit,
            click.Abort,
            BrokenPipeError,
        ):
            raise
        except Exception:
            # Python would end with 1, which is what an invalid signature ends with.
            traceback.print_exc()
            click.echo(
                "jpki: this is a fault of jpki itself; please report it", err=True
            )
            ctx.exit(_FAULT)


@click.group(
    cls=_Program,
    targets=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="jpki", prog_name="jpki")
def main() -> None:
    """Japan's public certification service for individuals, on your own machine."""


if __name__ == "__main__":
    sys.exit(main())
