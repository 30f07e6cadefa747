"""The forms of signature that `jpki sign` makes: a table, each loaded when needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Final, cast

from jpki.cli.sign.orders import Order

__all__ = ["FORMATS", "SUFFIXES", "format_of"]

FORMATS: Final[Mapping[str, tuple[str, str]]] = {
    "cms": ("jpki.cli.sign.cms", "sign_cms"),
    "xml": ("jpki.cli.sign.xml", "sign_xml"),
    "pdf": ("jpki.cli.sign.pdf", "sign_into_pdf"),
}
"""Name to module and function, `Order` to octets."""

SUFFIXES: Final[Mapping[str, str]] = {
    "cms": ".p7s",
    "xml": ".signed.xml",
    "pdf": ".signed.pdf",
}
"""What a signed file's name ends with, where none is given."""


def format_of(name: str) -> Callable[[Order], bytes]:
    """The function that signs in this form."""
    module, function = FORMATS[name]
    return cast("Callable[[Order], bytes]", getattr(import_module(module), function))
