"""The commands: `jpki pki build` and `jpki pki show`."""

from __future__ import annotations

import os
import secrets
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import click

from jpki import data
from jpki.cli.founding import prefectures_of
from jpki.cli.interruption import interruptible
from jpki.cli.pki.building import Builder
from jpki.cli.pki.folder import PASSPHRASE, new_folder, write_pki
from jpki.cli.pki.keys import make_keys
from jpki.cli.pki.manifest import Manifest, read_manifest
from jpki.cli.pki.picture import picture
from jpki.cli.pki.plan import Plan, instant_for
from jpki.cli.pki.tree import tree
from jpki.errors import ConfigurationError
from jpki.model.calendar import JST
from jpki.model.serials import SerialScheme
from jpki.service.clock import ProcessClock, parse_instant
from jpki.service.secrets import passphrase_from
from jpki.store import AuthorityStore

__all__ = ["pki"]

_PASSPHRASE_OCTETS: Final = 24
_BOOKS: Final = ".books"


@click.group()
def pki() -> None:
    """Build a whole PKI as files, and look at it."""


@pki.command()
@click.option(
    "--era",
    "era_id",
    type=click.Choice(data.era_ids()),
    required=True,
    help="Algorithms, profiles and authorities.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    metavar="DIR",
    help="A new or empty folder.",
)
@click.option(
    "--prefecture",
    "codes",
    multiple=True,
    metavar="CODE",
    help="Two digits (JIS X 0401); may be given several times. [default: all 47]",
)
@click.option(
    "--at",
    "date",
    metavar="DATE",
    help="Day or RFC 3339 instant of the founding. By default now, or 09:00 in Japan "
    "on the era's first day where its algorithms may not issue any more.",
)
@click.option("--seed", metavar="N", help="Make the same again; see above.")
@click.option(
    "--serials",
    type=click.Choice(tuple(scheme.value for scheme in SerialScheme)),
    help="Number certificates at random, or count them in four octets. "
    "[default: as the era has it]",
)
@click.option("--no-keys", is_flag=True, help="Keep no private keys.")
@click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Its first line encrypts the keys; without it one is drawn and written to "
    f"{PASSPHRASE}.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Processes that make keys. [default: one for each processor]",
)
@click.option("--json", "as_json", is_flag=True, help="Print the manifest.")
def build(
    era_id: str,
    out: Path,
    codes: tuple[str, ...],
    date: str | None,
    seed: str | None,
    serials: str | None,
    no_keys: bool,
    passphrase_file: Path | None,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Found all authorities of an era and write what they make into DIR.

    Prefectural eras: the governors' authorities of all 47 prefectures, their bridge,
    and cross certificates both ways. Later eras: the national authorities; those of
    jlis with every key they had been given by then, under one name, and link
    certificates between them. Each key has a CRL and an ARL. In every prefecture one
    test person gets each certificate of the era. manifest.json lists all files.

    With the same --seed and --at, names, serial numbers, validity and structure come
    out the same in every era. ECDSA and ML-DSA keys are made from the seed too, so
    whoever knows the seed has them; RSA keys cannot be, and are new each time.
    Signatures by RSA and ECDSA follow from key and content; those of ML-DSA are
    randomised. So only next-gen comes out bit by bit, but for the encrypted key files,
    whose salt is always new. The manifest says it again, under "repeatable".

    DIR appears when everything is in it, or not at all.
    """
    interruptible()
    started = time.perf_counter()
    era = data.era(era_id)
    if serials is not None:
        era = replace(era, serials=SerialScheme(serials))
    at, reason = instant_for(era, ProcessClock()())
    if date is not None:
        at, reason = parse_instant(date), None
    plan = Plan(
        era=era,
        prefectures=prefectures_of(codes or data.prefectures()),
        at=at,
        seed=seed,
    )
    if reason is not None:
        click.echo(f"built as of {at.astimezone(JST):%Y-%m-%d}: {reason}", err=True)
    given = None if passphrase_file is None else passphrase_from(passphrase_file)()
    drawn = None
    if given is None and not no_keys:
        drawn = secrets.token_urlsafe(_PASSPHRASE_OCTETS)
    try:
        with new_folder(out) as draft:
            manifest = _build(
                draft,
                plan,
                passphrase=None if no_keys else given or drawn,
                shown=drawn,
                jobs=jobs or len(os.sched_getaffinity(0)),
                quiet=as_json,
            )
    except KeyboardInterrupt:
        click.echo("\nstopped; nothing is left behind", err=True)
        sys.exit(130)
    if as_json:
        click.echo(manifest.to_json(), nl=False)
    else:
        _report(manifest, out, time.perf_counter() - started)


def _build(
    draft: Path,
    plan: Plan,
    *,
    passphrase: str | None,
    shown: str | None,
    jobs: int,
    quiet: bool,
) -> Manifest:
    orders = list(plan.key_orders())
    with _progress("keys", len(orders), quiet=quiet) as made:
        keys = make_keys(
            orders, passphrase=passphrase, seed=plan.seed, processes=jobs, made=made
        )
    with _books(draft) as store:
        builder = Builder(plan, store, keys)
        with _progress("certificates, CRLs", builder.size(), quiet=quiet) as made:
            pieces = builder.build(made)
    return write_pki(draft, plan, data.topology(), pieces, keys, shown)


@contextmanager
def _books(draft: Path) -> Iterator[AuthorityStore]:
    """The authorities' books, which are needed only until everything is issued."""
    folder = draft / _BOOKS
    folder.mkdir(mode=0o700)
    store = AuthorityStore(f"sqlite:///{folder / 'authority.db'}")
    with closing(store):
        store.migrate()
        yield store
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


@contextmanager
def _progress(label: str, length: int, *, quiet: bool) -> Iterator[Callable[[], None]]:
    with click.progressbar(
        length=length,
        label=f"{label:20}",
        file=sys.stderr,
        hidden=quiet or not sys.stderr.isatty(),
    ) as bar:
        yield lambda: bar.update(1)


def _report(manifest: Manifest, out: Path, seconds: float) -> None:
    counts = {
        "authorities' certificates": len(manifest.of("authority")),
        "cross certificates": len(manifest.of("cross")),
        "link certificates": len(manifest.of("link")),
        "test persons' certificates": len(manifest.persons()),
        "CRLs and ARLs": len(manifest.of("crl")) + len(manifest.of("arl")),
        "keys": len(manifest.of("key")),
    }
    told = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    click.echo(
        f"{out}: {manifest.era} of {manifest.at.astimezone(JST):%Y-%m-%d}, "
        f"{told}, {seconds:.1f} s"
    )
    if manifest.seed is not None:
        names = {
            "names_serials_validity": "names, serial numbers and validity",
            "keys": "keys",
            "signatures": "signatures",
        }
        same = [names[part] for part, again in manifest.repeatable.items() if again]
        click.echo(f"seed {manifest.seed!r} gives again: {'; '.join(same)}")
    click.echo(f"\nLook at it:\n  jpki pki show {shlex.quote(str(out))}")
    if (command := manifest.openssl_command()) is not None:
        click.echo("\nLet OpenSSL judge a test person under another's anchor:")
        click.echo(f"  cd {shlex.quote(str(out))} && {command}")


@pki.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--svg",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Draw a picture into FILE instead.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the manifest.")
def show(directory: Path, svg: Path | None, as_json: bool) -> None:
    """Show the PKI in DIRECTORY as a tree, or draw it."""
    manifest = read_manifest(directory)
    if svg is not None:
        try:
            svg.write_text(picture(manifest), "utf-8")
        except OSError as error:
            reason = error.strerror or "cannot be written"
            raise ConfigurationError(str(svg), "--svg", reason) from None
        click.echo(f"wrote {svg}", err=as_json)
    if as_json:
        click.echo(manifest.to_json(), nl=False)
    elif svg is None:
        for line in tree(manifest):
            click.echo(line)
