"""`jpki verify FILE…`: the verdict on signed documents."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jpki import data
from jpki.cli.files import read_certificates, read_file
from jpki.cli.language import language_of
from jpki.cli.verify.kinds import KINDS
from jpki.cli.verify.pairing import (
    Named,
    Signed,
    application_of,
    over_files,
    paired,
)
from jpki.cli.verify.questions import FILE, Question, question_options
from jpki.cli.verify.showing import EXIT, show
from jpki.documents.kinds import is_archive, kind_of
from jpki.documents.signature import Enclosed
from jpki.durable import create_file
from jpki.errors import ConfigurationError, DocumentError, RequestError
from jpki.strict_json import parse_object
from jpki.verify import Outcome, Verifier
from jpki.verify.watching import Seen

if TYPE_CHECKING:
    from jpki.verify.matching import Claim, Comparison

__all__ = ["document"]


@click.command()
@click.argument("files", type=click.Path(path_type=Path), nargs=-1, metavar="FILE…")
@click.option(
    "--signature",
    type=FILE,
    metavar="FILE",
    help="Detached signature over FILE: CMS, XML (over several), or with "
    "--certificate a bare one.",
)
@click.option(
    "--certificate",
    type=FILE,
    metavar="FILE",
    help="The signer's, where the signature is a bare value (a login's answer).",
)
@question_options
@click.option(
    "--claim",
    type=FILE,
    metavar="FILE",
    help="JSON with name, address, date_of_birth, gender to compare the signer with.",
)
@click.option(
    "--record",
    type=FILE,
    metavar="FILE",
    help="Keep verdict and evidence here; `jpki verify record` judges it again.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
@click.option("--lang", type=click.Choice(("ja", "en")), default=None)
def document(
    files: tuple[Path, ...],
    signature: Path | None,
    certificate: Path | None,
    claim: Path | None,
    record: Path | None,
    as_json: bool,
    lang: str | None,
    **options: Any,
) -> None:
    """Judge the signatures on signed documents: CMS, PDF or XML.

    \b
    jpki verify letter.txt letter.txt.p7s --anchor root.cer --crls-url URL
    jpki verify application.zip --anchor root.cer --crl root.crl --offline
    jpki verify form.xml plan.pdf --signature signature.xml --anchor root.cer

    A FILE may have its signature inside; a detached signature and what it is over are
    named together, in any order. A folder or a ZIP archive is an application: one XML
    signature, and the files that it names; files that it does not name are listed.
    Checks the signature, what it covers, the path to an anchor, validity, policy, key
    usage and revocation by CRL and OCSP.

    Exits with 0 if valid, 1 if invalid, 3 if something that was needed could not be
    found out, 2 if it could not be asked. Of several documents the worst counts; a
    signer who is not who the claim says counts as invalid.
    """
    if not files:
        raise RequestError("no FILE to judge", hint=KINDS["en"])
    question = Question.of(options)
    claimed = None if claim is None else _claim(claim)
    documents = _documents(files, signature, certificate)
    if record is not None and len(documents) != 1:
        raise RequestError("a record is of one document", hint="judge them one by one")
    verifier = Verifier(question.policy, question.evidence)
    language, told, codes = lang or language_of(), [], set()
    for signed in documents:
        seen = None if record is None else Seen()
        outcome = _judged(verifier, signed, certificate, question, seen)
        comparison = _compared(outcome, claimed)
        if record is not None and seen is not None:
            _keep(record, question, signed, outcome, seen)
        wrong = comparison is not None and not comparison.matches
        codes.add(max(EXIT[outcome.outcome], wrong, key=_SEVERITY.index))
        verdict = outcome.to_json()
        if claimed is not None:
            verdict["comparison"] = None if comparison is None else comparison.to_json()
        told.append({"document": signed.name, **verdict})
        if not as_json:
            name = signed.name if len(documents) > 1 else None
            show(outcome, language, name=name, comparison=comparison)
            if _is_of_no_kind(signed):
                click.echo(f"  → {KINDS[language]}")
    if as_json:
        shown: object = told[0] if len(told) == 1 else told
        click.echo(json.dumps(shown, ensure_ascii=False, indent=2))
    sys.exit(max(codes, key=_SEVERITY.index))


_SEVERITY = (0, 3, 1)
"""Exit codes from good to bad."""


def _documents(
    files: tuple[Path, ...], signature: Path | None, certificate: Path | None
) -> list[Signed]:
    folders = [file for file in files if file.is_dir()]
    named = [
        Named(name=file.name, octets=read_file(file))
        for file in files
        if file not in folders
    ]
    if signature is None and certificate is None:
        return [*map(_in_folder, folders), *map(_unpacked, paired(named))]
    if signature is None or folders or (certificate is not None and len(files) > 1):
        raise RequestError(
            "--signature is about FILEs, and --certificate about one FILE",
            hint="jpki verify FILE --signature VALUE --certificate CERTIFICATE",
        )
    name = named[0].name if len(named) == 1 else signature.name
    return [over_files(name, read_file(signature), named)]


def _in_folder(folder: Path) -> Signed:
    # Loaded only where there is one.
    from jpki.cli.verify.folders import read_folder

    return application_of(folder.resolve().name, read_folder(folder))


def _unpacked(signed: Signed) -> Signed:
    """An archive that nobody signed as a whole is an application."""
    if signed.content is not None or not is_archive(signed.document):
        return signed
    from jpki.documents.archives import unpacked

    files = unpacked(signed.document)
    if "record.json" in files:
        raise RequestError(
            f"{signed.name} is a record of a verdict",
            hint=f"jpki verify record {signed.name}",
        )
    return application_of(signed.name, files)


def _is_of_no_kind(signed: Signed) -> bool:
    if signed.files is not None:
        return False
    try:
        kind_of(signed.document)
    except DocumentError:
        return True
    return False


def _judged(
    verifier: Verifier,
    signed: Signed,
    certificate: Path | None,
    question: Question,
    seen: Seen | None,
) -> Outcome:
    if signed.files is not None:
        from jpki.verify.applications import verify_application

        return verify_application(verifier, signed.files, question.at, seen=seen)
    if certificate is None:
        return verifier.verify(signed.document, signed.content, question.at, seen=seen)
    if seen is not None:
        raise RequestError("a bare signature has no record", hint="leave --record out")
    own, *others = read_certificates(certificate)
    enclosed = Enclosed(certificates=tuple(other.raw for other in others))
    assert isinstance(signed.content, bytes)
    return verifier.verify_raw(
        signed.document, own.raw, signed.content, question.at, enclosed=enclosed
    )


def _compared(outcome: Outcome, claimed: Claim | None) -> Comparison | None:
    if claimed is None or outcome.signer is None or outcome.signer.attributes is None:
        return None
    from jpki.verify.matching import compare_items

    items = outcome.signer.attributes
    return compare_items(items, claimed, prefectures=data.prefectures())


def _claim(file: Path) -> Claim:
    from jpki.verify.matching import Claim, read_claim

    try:
        claim = read_claim(parse_object(read_file(file)))
    except RequestError as error:
        raise ConfigurationError(
            str(file), "claim", error.message, hint=error.hint
        ) from None
    if claim == Claim():
        raise ConfigurationError(str(file), "claim", "states nothing to compare")
    return claim


def _keep(
    file: Path, question: Question, signed: Signed, outcome: Outcome, seen: Seen
) -> None:
    from jpki.verify.records import make_record

    document, content = signed.document, signed.content
    if signed.files is not None:
        from jpki.documents.applications import find_application

        found = find_application(signed.files)
        document, content = found.document, found.content
    made = make_record(question.policy, document, content, outcome, seen)
    try:
        create_file(file, made.to_bytes())
    except FileExistsError:
        raise ConfigurationError(
            str(file), "--record", "is there already", hint="records are never replaced"
        ) from None
    except OSError as error:
        reason = error.strerror or "cannot be written"
        raise ConfigurationError(str(file), "--record", reason) from None
