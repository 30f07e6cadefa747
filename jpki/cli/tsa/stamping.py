"""`jpki tsa stamp` and `jpki tsa verify`: a timestamp over a file, got and checked."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Final

import click

from jpki import data
from jpki.cli.card.looking import write_file
from jpki.cli.desk import json_option
from jpki.cli.files import read_certificates, read_crls, read_file
from jpki.cli.language import Words
from jpki.cli.tsa.founding import at_option, instant
from jpki.der.oids import KP_TIME_STAMPING
from jpki.documents.signature import CheckedSignature, Timestamp
from jpki.documents.timestamps import check_token, parse_token
from jpki.errors import DocumentError, EncodingError
from jpki.model.suites import Digest
from jpki.service.clock import system_random
from jpki.timestamping.client import TimestampClient
from jpki.verify import EraAlgorithms, Pool, TrustAnchor
from jpki.verify.existence import proven_existence
from jpki.verify.jobs import PathJob
from jpki.verify.outcomes import Existence, Outcome
from jpki.verify.paths import verify_path
from jpki.x509.names import rfc4514
from jpki.x509.parse import Certificate

__all__ = ["stamp_command", "verify_command"]

_word: Final = Words(
    {
        "stamped": ("タイムスタンプを書き込みました", "the timestamp is in"),
        "proven": ("証明された時刻", "proven to have been there by"),
        "open": ("証明されていません", "not proven"),
        "altered": ("この文書のものではありません", "not over this document"),
        "authority": ("時刻認証局", "time-stamp authority"),
    }
)
_FILE: Final = click.Path(path_type=Path, dir_okay=False)


@click.command("stamp")
@click.argument("document", type=_FILE)
@click.option("--url", required=True, help="Of the time-stamp authority.")
@click.option(
    "--output",
    "-o",
    type=_FILE,
    help="Where the token goes.  [default: DOCUMENT.tst]",
)
@click.option("--policy", metavar="OID", help="Under which it should answer.")
@click.option(
    "--digest",
    type=click.Choice([digest.value for digest in Digest]),
    default=Digest.SHA256.value,
    show_default=True,
    help="All that the authority sees of the document.",
)
@click.option(
    "--response", is_flag=True, help="Keep the whole answer, as `openssl ts` does."
)
@json_option
def stamp_command(
    document: Path,
    url: str,
    output: Path | None,
    policy: str | None,
    digest: str,
    response: bool,
    as_json: bool,
) -> None:
    """Ask for a timestamp over DOCUMENT, and check that it is one.

    Whether its authority can be trusted, `jpki tsa verify` says.
    """
    client = TimestampClient(
        url, random=system_random, policy=policy, digest=Digest(digest)
    )
    with closing(client):
        stamped = client.stamp(read_file(document))
    place = output or document.with_name(f"{document.name}.tst")
    write_file(place, stamped.response if response else stamped.token)
    authority = rfc4514(stamped.timestamp.signature.holder.subject)
    if as_json:
        told = {
            "output": str(place),
            "at": _written(stamped.timestamp.at),
            "accuracy_seconds": stamped.timestamp.accuracy.total_seconds(),
            "authority": authority,
        }
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        click.echo(f"{_word('stamped')} {place}")
        click.echo(f"  {_written(stamped.timestamp.at)}  {authority}")


@click.command("verify")
@click.argument("document", type=_FILE)
@click.argument("token", type=_FILE)
@click.option(
    "--anchor",
    "anchors",
    type=_FILE,
    multiple=True,
    required=True,
    metavar="FILE",
    help="Certificate of whom to believe about time; may be given several times.",
)
@click.option(
    "--crl", "crls", type=_FILE, multiple=True, metavar="FILE", help="CRLs, PEM or DER."
)
@click.option(
    "--era",
    type=click.Choice(data.era_ids()),
    default="prefectural-sha256",
    show_default=True,
    help="Whose algorithms are accepted.",
)
@at_option
@json_option
def verify_command(
    document: Path,
    token: Path,
    anchors: tuple[Path, ...],
    crls: tuple[Path, ...],
    era: str,
    date: str | None,
    as_json: bool,
) -> None:
    """Say since when DOCUMENT is proven to exist by the timestamp in TOKEN.

    Exits with 0 if proven, 1 if the timestamp is not over this document or its
    signature is wrong, 3 if its authority cannot be relied on by what is at hand.
    """
    at, covered = instant(date), read_file(document)
    try:
        stamp = check_token(parse_token(read_file(token)), covered)
    except (DocumentError, EncodingError) as error:
        _tell(as_json, {"outcome": "invalid", "notes": [error.message]})
        sys.exit(1)
    algorithms = EraAlgorithms(data.era(era))
    held = Pool(crls=[crl for file in crls for crl in read_crls(file)])
    trusted = tuple(
        TrustAnchor.of(found) for file in anchors for found in read_certificates(file)
    )

    def judge(found: Certificate, signed: CheckedSignature, then: datetime) -> Outcome:
        enclosed = Pool.from_der(
            certificates=signed.enclosed.certificates,
            crls=signed.enclosed.crls,
            ocsp_responses=signed.enclosed.ocsp_responses,
        )
        return verify_path(
            PathJob(
                anchors=trusted,
                end_entity=found,
                at=then,
                known_at=at,
                algorithms=algorithms,
                purpose=KP_TIME_STAMPING,
                pool=Pool(beneath=(held, enclosed)),
            )
        )

    existence = proven_existence((stamp,), at, algorithms, judge)
    _tell(as_json, _document(stamp, existence))
    sys.exit(0 if existence.proofs else 3)


def _document(stamp: Timestamp, existence: Existence) -> dict[str, object]:
    return {
        "outcome": "proven" if existence.proofs else "not-proven",
        "at": _written(stamp.at),
        "existed_at": _written(existence.at) if existence.proofs else None,
        "accuracy_seconds": stamp.accuracy.total_seconds(),
        "authority": rfc4514(stamp.signature.holder.subject),
        "notes": list(existence.notes),
    }


def _tell(as_json: bool, told: dict[str, object]) -> None:
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    match told["outcome"]:
        case "proven":
            click.echo(f"✓ {_word('proven')} {told['existed_at']}")
        case "not-proven":
            click.echo(f"? {_word('open')}")
        case _:
            click.echo(f"✗ {_word('altered')}")
    if "authority" in told:
        click.echo(f"  {_word('authority')}: {told['authority']}")
    notes = told["notes"]
    for note in notes if isinstance(notes, list) else ():
        click.echo(f"  {note}")


def _written(at: datetime) -> str:
    text = f"{at:%Y-%m-%dT%H:%M:%S}"
    return f"{text}.{at.microsecond:06}Z" if at.microsecond else f"{text}Z"
