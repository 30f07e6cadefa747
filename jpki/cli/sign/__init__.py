"""`jpki sign`: documents and applications signed by any key, to any level."""

from __future__ import annotations

from typing import Final

import click

from jpki.cli.lazy import DefaultGroup

__all__ = ["sign"]

_COMMANDS: Final = {
    "document": "jpki.cli.sign.documents:document",
    "xml": "jpki.cli.sign.applications:xml",
}


@click.group(cls=DefaultGroup, targets=_COMMANDS)
def sign() -> None:
    """Sign a document, or an application of several files: for `jpki verify`.

    `jpki sign DOCUMENT …` is short for `jpki sign document DOCUMENT …`.

    \b
    jpki sign letter.txt --key card.json                  CMS (CAdES), detached
    jpki sign letter.txt --enveloping --key card.json     CMS with the document inside
    jpki sign letter.pdf --format pdf --key card.json     PDF (PAdES)
    jpki sign form.xml --format xml --key card.json       XML (XAdES), in the document
    jpki sign xml form.xml plan.pdf --key card.json       XML over several files
    """
