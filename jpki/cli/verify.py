"""`jpki verify`: the verdict on a signed document, for people and for programs."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Final

import click

from jpki import data
from jpki.cli.language import language_of
from jpki.cli.verify_path import path
from jpki.errors import ConfigurationError, EncodingError
from jpki.model.calendar import JST
from jpki.service.clock import ProcessClock, parse_instant
from jpki.verify import (
    AtHand,
    EraAlgorithms,
    EvidenceSource,
    Outcome,
    Pool,
    Together,
    TrustAnchor,
    VerificationPolicy,
    Verifier,
)
from jpki.verify.client import OnlineEvidence
from jpki.verify.crls import RevocationList
from jpki.verify.shelf import Shelf
from jpki.x509.names import rfc4514
from jpki.x509.ocsp import OCSPResponse, parse_response
from jpki.x509.parse import Certificate, parse_certificate, parse_crl
from jpki.x509.pem import ders

__all__ = ["verify"]

_EXIT: Final = {"valid": 0, "invalid": 1, "indeterminate": 3}
_MARKS: Final = {
    "valid": ("✓", "green"),
    "invalid": ("✗", "red"),
    "indeterminate": ("?", "yellow"),
}
_MAX_FILE: Final = 64 * 1024 * 1024
_LONGEST_TOKEN: Final = 4096
_WORDS: Final = {
    "signer": ("署名者", "signer"),
    "born": ("生年月日", "born"),
    "address": ("住所", "address"),
    "anchor": ("信頼点", "trust anchor"),
    "evidence": ("根拠", "evidence"),
    "note": ("注記", "note"),
    "valid": ("有効", "valid"),
    "invalid": ("無効", "invalid"),
    "indeterminate": ("判定不能", "indeterminate"),
}

_FILE: Final = click.Path(path_type=Path, dir_okay=False)


class _Documents(click.Group):
    """What is no name of a command is the document to judge."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in {*self.commands, *ctx.help_option_names}:
            args = ["document", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Documents)
def verify() -> None:
    """Judge a citizen's signature on a document, or certification paths.

    `jpki verify FILE …` is short for `jpki verify document FILE …`.
    """


verify.add_command(path)


@verify.command()
@click.argument("document", type=_FILE)
@click.option(
    "--signature",
    type=_FILE,
    metavar="FILE",
    help="Detached CMS signature over DOCUMENT; without it DOCUMENT holds both.",
)
@click.option(
    "--anchor",
    "anchors",
    type=_FILE,
    multiple=True,
    required=True,
    metavar="FILE",
    help="Certificate to trust, PEM or DER; may be given several times.",
)
@click.option(
    "--policy",
    "policies",
    multiple=True,
    metavar="OID",
    help="Accepted certificate policy; by default that of the reference PKI.",
)
@click.option(
    "--certificates",
    type=_FILE,
    multiple=True,
    metavar="FILE",
    help="Authorities' certificates, PEM or DER, to build the path with.",
)
@click.option(
    "--crl",
    "crls",
    type=_FILE,
    multiple=True,
    metavar="FILE",
    help="CRLs, PEM or DER.",
)
@click.option("--certificates-url", metavar="URL", help="Where ca_server lists them.")
@click.option("--crls-url", metavar="URL", help="Where ocsp_crl lists its CRLs.")
@click.option("--ocsp-url", metavar="URL", help="Asked instead of the certificates'.")
@click.option(
    "--ocsp",
    "stapled",
    type=_FILE,
    multiple=True,
    metavar="FILE",
    help="OCSP response that came with the document, DER.",
)
@click.option(
    "--token",
    type=_FILE,
    metavar="FILE",
    help="Token of a registered verifier, for the revocation service.",
)
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Keep CRLs and OCSP responses here, and use them again.",
)
@click.option(
    "--offline", is_flag=True, help="Fetch nothing; use the files and the cache alone."
)
@click.option(
    "--era",
    type=click.Choice(tuple(data.eras())),
    default="prefectural-sha256",
    show_default=True,
    help="Whose algorithms are accepted.",
)
@click.option("--at", "date", metavar="DATE", help="Judge at this day or instant.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
@click.option("--lang", type=click.Choice(("ja", "en")), default=None)
def document(
    document: Path,
    signature: Path | None,
    anchors: tuple[Path, ...],
    policies: tuple[str, ...],
    certificates: tuple[Path, ...],
    crls: tuple[Path, ...],
    certificates_url: str | None,
    crls_url: str | None,
    ocsp_url: str | None,
    stapled: tuple[Path, ...],
    token: Path | None,
    cache: Path | None,
    offline: bool,
    era: str,
    date: str | None,
    as_json: bool,
    lang: str | None,
) -> None:
    """Judge the citizen's signature on DOCUMENT.

    Checks the signature, the path to an anchor, validity, policy, key usage and
    revocation by CRL and OCSP. Exits with 0 if valid, 1 if invalid, 3 if something
    that was needed could not be found out, 2 if it could not be asked.
    """
    policy = VerificationPolicy(
        anchors=tuple(
            TrustAnchor.of(certificate)
            for file in anchors
            for certificate in _certificates(file)
        ),
        policies=frozenset(policies or (data.topology().governor_policy,)),
        algorithms=EraAlgorithms(data.era(era)),
    )
    source: EvidenceSource = AtHand(
        Pool(
            [found for file in certificates for found in _certificates(file)],
            crls=[crl for file in crls for crl in _crls(file)],
            ocsp_responses=[_response(file) for file in stapled],
        )
    )
    if not offline or cache is not None:
        online = OnlineEvidence(
            certificates_url=certificates_url,
            crls_url=crls_url,
            ocsp_url=ocsp_url,
            token=None if token is None else _token(token),
            shelf=None if cache is None else Shelf(cache),
            clock=ProcessClock(),
            offline=offline,
        )
        source = Together((source, online))
    at = ProcessClock()() if date is None else parse_instant(date)
    content = _read(document)
    outcome = (
        Verifier(policy, source).verify(content, None, at)
        if signature is None
        else Verifier(policy, source).verify(_read(signature), content, at)
    )
    if as_json:
        click.echo(json.dumps(outcome.to_json(), ensure_ascii=False, indent=2))
    else:
        _show(outcome, lang or language_of())
    sys.exit(_EXIT[outcome.outcome])


def _show(outcome: Outcome, language: str) -> None:
    def word(key: str) -> str:
        return _WORDS[key][language == "en"]

    mark, colour = _MARKS[outcome.outcome]
    click.echo(click.style(f"{mark} {word(outcome.outcome)}", fg=colour, bold=True))
    click.echo(f"  {outcome.reason.text(language)}  [{outcome.code.value}]")
    signer = outcome.signer
    if signer is not None and signer.attributes is not None:
        items = signer.attributes
        click.echo(f"  {word('signer')}: {items.name}")
        click.echo(f"  {word('born')}: {items.date_of_birth or '–'}")
        click.echo(f"  {word('address')}: {items.address}")
    if outcome.anchor is not None:
        click.echo(f"  {word('anchor')}: {rfc4514(outcome.anchor.name)}")
    for entry in outcome.evidence:
        number = "" if entry.number is None else f" {entry.number}"
        click.echo(
            f"  {word('evidence')}: {entry.kind.upper()}{number} {entry.status} · "
            f"{_local(entry.this_update)} – {_local(entry.next_update)} · "
            f"{entry.issuer}"
        )
    for note in outcome.notes:
        click.echo(f"  {word('note')}: {note}")


def _local(at: datetime | None) -> str:
    return "–" if at is None else f"{at.astimezone(JST):%Y-%m-%d %H:%M}"


def _certificates(file: Path) -> list[Certificate]:
    try:
        found = [parse_certificate(der) for der in ders(_read(file), "CERTIFICATE")]
    except EncodingError as error:
        raise ConfigurationError(
            str(file), "certificate", error.message, hint="PEM or DER, X.509"
        ) from None
    if not found:
        raise ConfigurationError(str(file), "certificate", "holds none")
    return found


def _crls(file: Path) -> list[RevocationList]:
    try:
        return [RevocationList(parse_crl(der)) for der in ders(_read(file), "X509 CRL")]
    except EncodingError as error:
        raise ConfigurationError(
            str(file), "CRL", error.message, hint="PEM or DER, X.509"
        ) from None


def _response(file: Path) -> OCSPResponse:
    try:
        return parse_response(_read(file))
    except EncodingError as error:
        raise ConfigurationError(
            str(file), "OCSP response", error.message, hint="DER, RFC 6960"
        ) from None


def _token(file: Path) -> str:
    try:
        token = _read(file).decode("ascii").strip()
    except UnicodeDecodeError:
        token = ""
    if not token or not token.isprintable() or len(token) > _LONGEST_TOKEN:
        raise ConfigurationError(str(file), "token", "holds none")
    return token


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(_MAX_FILE + 1)
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise ConfigurationError(str(file), "(file)", reason) from None
    if len(content) > _MAX_FILE:
        raise ConfigurationError(str(file), "(file)", f"larger than {_MAX_FILE} octets")
    return content
