"""The one program, `jpki`. Commands are imported when they are called, not before."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from importlib.metadata import version
from typing import Final

import click

from jpki.errors import JpkiError

__all__ = ["main"]

_COMMANDS: Final[Mapping[str, str]] = {
    "init": "jpki.cli.init:init",
    "serve": "jpki.cli.serve:serve",
    "demo": "jpki.cli.demo.command:demo",
    "verify": "jpki.cli.verify:verify",
    "audit": "jpki.cli.audit:audit",
    "ca": "jpki.cli.authority:ca",
    "revocation": "jpki.cli.revocation:revocation",
    "verifier": "jpki.cli.verifier:verifier",
    "card": "jpki.cli.card:card",
    "doctor": "jpki.cli.doctor.command:doctor",
    "pki": "jpki.cli.pki.command:pki",
}
"""Command name to `module:attribute`; `jpki verify` must start in a blink."""


class _LazyGroup(click.Group):
    """A group that knows its commands' names without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        target = _COMMANDS.get(cmd_name)
        if target is None:
            return None
        module, _, attribute = target.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{target} is not a command")
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Show our own errors as a sentence and the next step, never as a traceback."""
        try:
            return super().invoke(ctx)
        except JpkiError as error:
            click.echo(f"jpki: {error.message}", err=True)
            if error.hint:
                click.echo(f"      → {error.hint}", err=True)
            click.echo(f"      [{error.code}]", err=True)
            ctx.exit(2)


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(version("jpki"), prog_name="jpki")
def main() -> None:
    """Japan's public certification service for individuals, on your own machine."""


if __name__ == "__main__":
    sys.exit(main())
