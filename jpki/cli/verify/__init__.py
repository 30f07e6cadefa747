"""`jpki verify`: the verdict on signed documents, for people and for programs."""

from __future__ import annotations

from typing import Final

import click

from jpki.cli.lazy import LazyGroup

__all__ = ["verify"]

_COMMANDS: Final = {
    "document": "jpki.cli.verify.documents:document",
    "path": "jpki.cli.verify.paths:path",
    "record": "jpki.cli.verify.recorded:record",
}


class _Documents(LazyGroup):
    """What is no name of a command is a document to judge."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in {*_COMMANDS, *ctx.help_option_names}:
            args = ["document", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Documents, targets=_COMMANDS)
def verify() -> None:
    """Judge citizens' signatures on documents, or certification paths.

    `jpki verify FILE …` is short for `jpki verify document FILE …`.
    """
