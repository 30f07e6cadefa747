"""The part of the documentation that tells what other programs say of the service."""

from __future__ import annotations

from collections.abc import Sequence

from tests.support.status_sites import QUESTIONS
from tests.support.status_table import ERAS, EXCEPTIONS, PROGRAMS, WAYS, Deviation

__all__ = ["status_table"]


def status_table() -> str:
    """A line for each way of asking, a column for each era; then the exceptions."""
    rows = [
        f"| program, and how it asks | {' | '.join(f'`{era}`' for era in ERAS)} |",
        "|---" * (1 + len(ERAS)) + "|",
    ]
    for name, way in WAYS.items():
        cells = [_cell(name, era) for era in ERAS]
        version = PROGRAMS[way.program].version.replace("\t2:", " ")
        rows.append(
            f"| {way.program}, `{name}`: {way.how} ({version}) | {' | '.join(cells)} |"
        )
    notes = [
        f"{number}. {exception.why} {_says(exception)}"
        for number, exception in enumerate(EXCEPTIONS, 1)
    ]
    return "\n".join([*rows, "", *notes])


def _cell(way: str, era: str) -> str:
    numbers = [
        number
        for number, exception in enumerate(EXCEPTIONS, 1)
        if way in exception.ways and era in exception.eras
    ]
    refused = any(
        _is_whole(EXCEPTIONS[number - 1]) for number in numbers
    )  # then nothing else matters
    if refused:
        numbers = [each for each in numbers if _is_whole(EXCEPTIONS[each - 1])]
    word = "refuses" if refused else "agrees"
    return " ".join([word, *(f"({number})" for number in numbers)])


def _is_whole(exception: Deviation) -> bool:
    return exception.questions == QUESTIONS


def _says(exception: Deviation) -> str:
    asked: Sequence[str] = exception.questions
    of = "" if _is_whole(exception) else f" of what is {' or '.join(asked)}"
    return f"It says *{exception.says}*{of}."
