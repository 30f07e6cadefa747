"""`python -m benchmarks`: list, run, print as text or JSON, write the page."""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType

import click

import benchmarks
from benchmarks.figures import Figure, Report, machine


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


def page(reports: Sequence[Report]) -> str:
    """The documentation page of these reports, as Markdown."""
    about = ", ".join(f"{k} {v}" for k, v in reports[0].machine.items())
    parts = [
        "# Benchmarks",
        "Written by `make bench`. The *limit* is what no program could beat on this "
        "machine and *peers* are other programs that do the same, all measured in the "
        "same run: compare within a row, not between machines or days.",
        f"Machine: {about}.",
    ]
    for report in reports:
        parts += [
            f"## {report.benchmark}",
            report.about,
            _table(report.figures),
        ]
    return "\n\n".join(parts) + "\n"


def _table(figures: Iterable[Figure]) -> str:
    head = ("figure", "value", "limit", "of limit", "peers", "target", "holds")
    rows: list[Iterable[str]] = [head, ("---",) * len(head)]
    rows += (_row(figure.to_json()) for figure in figures)
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(figure: Mapping[str, object]) -> Iterable[str]:
    peers = figure["peers"]
    assert isinstance(peers, dict)
    return (
        str(figure["name"]),
        f"{figure['value']} {figure['unit']}",
        _cell(figure["limit"]),
        _cell(figure["ratio_to_limit"]),
        "; ".join(f"{name}: {value}" for name, value in peers.items()) or "–",
        _cell(figure["target"]),
        "yes" if figure["holds"] else "**no**",
    )


def _cell(value: object) -> str:
    return "–" if value is None else str(value)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("name", required=False)
@click.option("--all", "everything", is_flag=True, help="Run every benchmark.")
@click.option("--quick", is_flag=True, help="Fewer rounds: a check, not a figure.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--write", type=click.Path(path_type=Path, dir_okay=False), help="Write the page."
)
def main(
    name: str | None, everything: bool, quick: bool, as_json: bool, write: Path | None
) -> None:
    """Measure NAME beside its limit and its peers; without a name, list what there is.

    The exit status is 1 if a target does not hold.
    """
    known = found()
    if name is None and not everything:
        click.echo("\n".join(known))
        return
    if name is not None and (everything or name not in known):
        raise click.UsageError(f"NAME is one of: {', '.join(known)}; or give --all")
    reports = []
    for each in known if name is None else [name]:
        click.echo(f"measuring {each} …", err=True)
        reports.append(report_of(each, known[each], quick=quick))
    if write is not None:
        write.write_text(page(reports), "utf-8")
    if as_json:
        documents = [report.to_json() for report in reports]
        shown = documents if everything else documents[0]
        click.echo(json.dumps(shown, ensure_ascii=False, indent=2))
    elif write is None:
        click.echo(page(reports), nl=False)
    sys.exit(0 if all(report.holds for report in reports) else 1)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
