"""The page of measurements: a section a benchmark, each replaced on its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from benchmarks.figures import Report

__all__ = ["page", "section"]

_HEADING: Final = "\n## "
_INTRODUCTION: Final = """\
# Benchmarks

Written by `make bench`. The *limit* is what no program could beat on the machine and
*peers* are other programs that do the same, all measured in the same run: compare
within a row, not between machines or days. `python -m benchmarks NAME` measures one
again, and with `--write docs/benchmarks.md` puts it in its place here.
"""


def page(reports: Iterable[Report], old: str = "") -> str:
    """The page with these reports; what only the old page has is kept.

    Args:
        reports: what was measured now.
        old: the page as it stood, empty if there was none.
    """
    sections = dict(_sections(old))
    sections.update({report.benchmark: section(report) for report in reports})
    parts = [_INTRODUCTION, *(sections[name] for name in sorted(sections))]
    return "\n".join(parts)


def section(report: Report) -> str:
    """One benchmark: what it asks, where it ran, and the table."""
    where = ", ".join(f"{key} {value}" for key, value in report.machine.items())
    table = _table(figure.to_json() for figure in report.figures)
    return (
        f"## {report.benchmark}\n\n{report.about}\n\nMeasured on: {where}.\n\n{table}\n"
    )


def _sections(text: str) -> Iterable[tuple[str, str]]:
    for part in ("\n" + text).split(_HEADING)[1:]:
        name, _, _ = part.partition("\n")
        yield name.strip(), f"## {part.strip()}\n"


def _table(figures: Iterable[Mapping[str, object]]) -> str:
    head = ("figure", "value", "limit", "of limit", "peers", "target", "holds")
    rows: list[Sequence[str]] = [head, ("---",) * len(head)]
    rows += (_row(figure) for figure in figures)
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(figure: Mapping[str, object]) -> Sequence[str]:
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
