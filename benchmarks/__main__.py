"""`python -m benchmarks`: list, run, print as text or JSON, write the page."""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import click

import benchmarks
from benchmarks.figures import Figure, Report, machine
from benchmarks.page import page, section
from jpki.errors import ConfigurationError


def found() -> dict[str, ModuleType]:
    """The benchmarks by name: every module of the package that can `run`."""
    modules = {
        info.name: importlib.import_module(f"benchmarks.{info.name}")
        for info in pkgutil.iter_modules(benchmarks.__path__)
        if info.name != "__main__"
    }
    return {name: module for name, module in modules.items() if hasattr(module, "run")}


def report_of(name: str, module: ModuleType, *, quick: bool) -> Report:
    """Run one benchmark."""
    figures: Sequence[Figure] = module.run(quick)
    about = (module.__doc__ or "").strip()
    return Report(benchmark=name, about=about, machine=machine(), figures=figures)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Run every benchmark.")
@click.option("--quick", is_flag=True, help="Fewer rounds: a check, not a figure.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--write",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Put the figures in their places on this page.",
)
def main(
    names: Sequence[str],
    everything: bool,
    quick: bool,
    as_json: bool,
    write: Path | None,
) -> None:
    """Measure NAME beside its limit and its peers; without a name, list what there is.

    The exit status is 1 if a target does not hold.
    """
    known = found()
    if not names and not everything:
        click.echo("\n".join(known))
        return
    unknown = [name for name in names if name not in known]
    if unknown or (names and everything):
        raise click.UsageError(f"NAME is one of: {', '.join(known)}; or give --all")
    if quick and write is not None:
        raise click.UsageError("a --quick run is a check: its figures are not written")
    reports = []
    for each in known if everything else dict.fromkeys(names):
        click.echo(f"measuring {each} …", err=True)
        try:
            reports.append(report_of(each, known[each], quick=quick))
        except ConfigurationError as error:
            raise click.ClickException(f"{error}\n  → {error.hint}") from None
        if write is not None:
            old = write.read_text("utf-8") if write.exists() else ""
            write.write_text(page(reports, old), "utf-8")
    if as_json:
        documents = [report.to_json() for report in reports]
        shown = documents[0] if len(names) == 1 else documents
        click.echo(json.dumps(shown, ensure_ascii=False, indent=2))
    elif write is None:
        click.echo("\n".join(map(section, reports)), nl=False)
    sys.exit(0 if all(report.holds for report in reports) else 1)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
