"""`jpki verify`: the verdict on signed documents, for people and for programs."""

from __future__ import annotations

from typing import Final

import click

from jpki.cli.lazy import DefaultGroup

__all__ = ["verify"]

_COMMANDS: Final = {
    "document": "jpki.cli.verify.documents:document",
    "path": "jpki.cli.verify.paths:path",
    "record": "jpki.cli.verify.recorded:record",
}


@click.group(cls=DefaultGroup, targets=_COMMANDS)
def verify() -> None:
    """Judge citizens' signatures on documents, or certification paths.

    `jpki verify FILE …` is short for `jpki verify document FILE …`. With `--anchor
    root.cer`, and what else is to be believed, it takes

    \b
    jpki verify letter.p7s                          CMS (CAdES), enveloping
    jpki verify letter.txt letter.txt.p7s           CMS (CAdES), detached
    jpki verify letter.pdf                          PDF (PAdES)
    jpki verify form.signed.xml                     XML Signature, XAdES
    jpki verify form.xml plan.pdf signature.xml     XML over several files
    jpki verify application/                        the same in a folder
    jpki verify application.zip                     the same in a ZIP archive
    jpki verify challenge --signature answer --certificate own.cer
                                                    a bare signature: a login
    """
