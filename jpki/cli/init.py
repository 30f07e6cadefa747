"""`jpki init`: a new installation in one folder, ready for `jpki serve`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

import click

from jpki import data
from jpki.cli.dating import require_open
from jpki.cli.founding import RECOVERY, Founder, Layout, Ports, lay_out, prefectures_of
from jpki.cli.interruption import interruptible
from jpki.cli.undoing import whole_or_nothing
from jpki.model.places import Prefecture
from jpki.model.serials import SerialScheme
from jpki.registry.seeding import seed_residents
from jpki.service.clock import ProcessClock, offset_to, parse_instant
from jpki.service.office import open_office, open_register
from jpki.service.settings import ERA_SERIALS, FILE_STORE, check_key_store, load
from jpki.store.authority_records import CertificateRecord

__all__ = ["init"]

_PREFECTURES: Final = ("08", "13")


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--era",
    type=click.Choice(data.era_ids()),
    default="prefectural-sha256",
    show_default=True,
    help="Algorithms, profiles and cards.",
)
@click.option(
    "--prefecture",
    "codes",
    multiple=True,
    default=_PREFECTURES,
    show_default=True,
    help="Two digits (JIS X 0401); may be given several times.",
)
@click.option(
    "--at",
    "date",
    metavar="DATE",
    help="Set the clock of the installation to this day or RFC 3339 instant.",
)
@click.option(
    "--key-store",
    metavar="URI",
    default=FILE_STORE,
    show_default=True,
    help="A token to make the keys on (RFC 7512), with module-path and pin-source.",
)
@click.option(
    "--serials",
    type=click.Choice(tuple(scheme.value for scheme in SerialScheme)),
    help="Number certificates at random, or count them in four octets. "
    "[default: as the era has it]",
)
@click.option(
    "--profiles",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="A folder of profiles that take the place of packaged ones.",
)
def init(
    directory: Path,
    era: str,
    codes: tuple[str, ...],
    date: str | None,
    key_store: str,
    serials: str | None,
    profiles: Path | None,
) -> None:
    """Found an era's authorities and a register in the new folder DIRECTORY.

    Prefectural eras: makes the governors' authorities of the given prefectures and
    cross-certifies them with a bridge. Later eras: makes the national authorities.
    Gives every municipality of the packaged register in these prefectures a counter
    and a registrar, and writes DIRECTORY/jpki.toml for `jpki serve`.

    An era whose algorithms may not issue any more needs --at, a day in its time.
    Where it fails or is stopped, nothing is left in DIRECTORY; keys that were made on
    a token stay there, without a use.
    """
    prefectures = prefectures_of(codes)
    offset = timedelta(0) if date is None else offset_to(parse_instant(date))
    clock = ProcessClock(offset)
    require_open(data.era(era), offset)
    residents = seed_residents(clock())
    places = {resident.municipality for resident in residents}
    interruption = interruptible()
    try:
        with whole_or_nothing(directory):
            layout = lay_out(
                directory,
                era=era,
                municipalities=sorted(
                    place
                    for place in places
                    if place.prefecture in {known.code for known in prefectures}
                ),
                ports=Ports(),
                clock_offset=offset,
                key_store=check_key_store(key_store, "command line", "--key-store"),
                serials=serials or ERA_SERIALS,
                profiles=profiles,
            )
            lists = _found(layout, prefectures, clock)
            interruption.check()
    except KeyboardInterrupt:
        click.echo("\nstopped; nothing is left behind", err=True)
        sys.exit(130)
    click.echo(f"published {lists} CRLs")
    sealed = layout.data / "credentials" / f"{RECOVERY}.pem"
    click.echo(f"\nSeal {sealed} and take it away (see `jpki ca --help`)")
    click.echo(f"Ready: jpki serve --config {layout.config}")


def _found(
    layout: Layout, prefectures: Sequence[Prefecture], clock: ProcessClock
) -> int:
    """Found everything and tell it; how many lists there are."""

    def founded(record: CertificateRecord) -> None:
        click.echo(f"founded {record.authority}, valid to {record.not_after:%Y-%m-%d}")

    def crossed(record: CertificateRecord, subject: str) -> None:
        click.echo(f"{record.authority} certified {subject}")

    settings = load(layout.config, os.environ)
    office = open_office(settings, open_register(settings, clock))
    try:
        lists = Founder(layout, settings, office).found(
            prefectures, at=clock(), founded=founded, crossed=crossed
        )
    finally:
        office.store.close()
    return len(lists)
