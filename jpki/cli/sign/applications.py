"""`jpki sign xml`: an application of several files, signed by one XML signature."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import click

from jpki.cli.card.looking import write_file
from jpki.cli.desk import json_option
from jpki.cli.files import read_file, require_another
from jpki.cli.sign.formats import SUFFIXES
from jpki.cli.sign.options import PATH, prepared, signing_options, word
from jpki.cli.sign.orders import Level
from jpki.cli.sign.xml import raised
from jpki.documents.archives import packed, require_safe_names
from jpki.documents.xml import egov
from jpki.documents.xml.reading import parse_xml
from jpki.documents.xml.sign import sign_application, sign_detached
from jpki.errors import ConfigurationError, DocumentError, DocumentFault

__all__ = ["xml"]

_SIGNATURE: Final = "signature.xml"
_ARCHIVE: Final = ".zip"


@click.command()
@click.argument("form", type=PATH)
@click.argument("attachments", type=PATH, nargs=-1, metavar="[ATTACHMENT]…")
@signing_options
@click.option(
    "--output",
    "-o",
    type=PATH,
    help="Where the signature goes; NAME.zip takes all files along.",
)
@json_option
def xml(
    form: Path,
    attachments: tuple[Path, ...],
    output: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Sign an application: FORM, in XML, and its ATTACHMENTs by one signature.

    \b
    jpki sign xml form.xml plan.pdf map.png --key card.json
    jpki sign xml kousei.xml form_01.xml plan.pdf --key card.json -o application.zip
    jpki verify application.zip --anchor root.pem

    The signature is a file of its own (XAdES, detached), FORM.signature.xml. Where FORM
    is 構成管理情報 of an e-Gov application, it stands in there, as that service has it:
    FORM.signed.xml. References name the files as they lie beside FORM or below; so they
    have to lie when they are verified, as a folder or a ZIP archive.
    """
    for each in (form, *attachments):
        require_another(output, each)
    work = _Work.of(form, attachments)
    if work.inside and options["level"] != Level.B.value:
        raise ConfigurationError(
            "command line",
            "--level",
            "the signature in 構成管理情報 is a plain one, of level b",
        )
    with prepared(options) as ready:
        order = ready.order(work.form)
        held = (order.certificate, order.signer)
        if work.inside:
            made = sign_application(work.form, work.attachments, *held, order.chain)
        else:
            made = sign_detached(work.files, *held, order.at, order.chain)
            made = raised(made, order, work.files)
    place, result = output or form.with_name(f"{form.name}{work.suffix}"), made
    if place.suffix.lower() == _ARCHIVE:
        result = packed(work.together(made))
    write_file(place, result)
    suite, level = ready.key.signer.suite.id, ready.level.value
    names = sorted(work.attachments if work.inside else work.files)
    if as_json:
        told = {
            "output": str(place),
            "format": "xml",
            "level": level,
            "files": names,
            "suite": suite,
            "octets": len(result),
        }
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        level_of = f"{word('level')} {level.upper()}"
        click.echo(f"{word('signed')}: {place} ({level_of}, {suite})")
        click.echo(f"  {word('files')}: {', '.join([form.name, *work.attachments])}")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Work:
    """The files of one application, by the names that references will give them."""

    name: str
    form: bytes = field(repr=False)
    attachments: Mapping[str, bytes] = field(repr=False)
    inside: bool
    """FORM is of a kind that has the signature inside."""

    @classmethod
    def of(cls, form: Path, attachments: Sequence[Path]) -> _Work:
        """Read them.

        Raises:
            ConfigurationError: one cannot be read, or names that are none or the same.
            DocumentError: FORM is no XML.
        """
        content = read_file(form)
        named = [(_name(file, form), read_file(file)) for file in attachments]
        try:
            require_safe_names([form.name, _SIGNATURE, *(name for name, _ in named)])
        except DocumentError as error:
            raise ConfigurationError(
                "command line",
                "ATTACHMENT",
                error.message,
                hint=f"each has a name of its own, and the signature {_SIGNATURE}",
            ) from None
        return cls(
            name=form.name,
            form=content,
            attachments=dict(named),
            inside=_has_room(content),
        )

    @property
    def files(self) -> dict[str, bytes]:
        """All that a detached signature is over."""
        return {self.name: self.form, **self.attachments}

    @property
    def suffix(self) -> str:
        """What is added to the form's name, where the output has no name."""
        return SUFFIXES["xml"] if self.inside else f".{_SIGNATURE}"

    def together(self, made: bytes) -> dict[str, bytes]:
        """The whole application."""
        if self.inside:
            return {self.name: made, **self.attachments}
        return {**self.files, _SIGNATURE: made}


def _name(file: Path, form: Path) -> str:
    """From the form's folder on, if it lies there or below."""
    folder, place = form.parent.resolve(), file.parent.resolve() / file.name
    if place.is_relative_to(folder):
        return place.relative_to(folder).as_posix()
    return file.name


def _has_room(form: bytes) -> bool:
    root = parse_xml(form).getroot()
    try:
        egov.signed_part(root)
    except DocumentError as error:
        if error.fault is not DocumentFault.NOT_COVERED:
            raise
        return False
    return True
