"""Groups of commands that are imported when they are called, not before."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click

__all__ = ["DefaultGroup", "LazyGroup"]


class LazyGroup(click.Group):
    """A group that knows its commands' names without importing them."""

    def __init__(self, *args: Any, targets: Mapping[str, str], **kwargs: Any) -> None:
        """Take the names.

        Args:
            targets: command name to `module:attribute`.
        """
        super().__init__(*args, **kwargs)
        self._targets = targets

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._targets)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        target = self._targets.get(cmd_name)
        if target is None:
            return None
        module, _, attribute = target.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{target} is not a command")
        return command


class DefaultGroup(LazyGroup):
    """A group in which what is no command's name is the first command's argument."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in {*self._targets, *ctx.help_option_names}:
            args = [next(iter(self._targets)), *args]
        return super().parse_args(ctx, args)
