"""The verdict on an application that came as files: signed by whom, and how much of it.

A signature says nothing about files that it does not name, so the verdict lists them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from jpki.documents.applications import find_application
from jpki.errors import DocumentError
from jpki.verify.outcomes import Invalid, Outcome
from jpki.verify.verifier import Verifier, refused_document
from jpki.verify.watching import Seen

__all__ = ["verify_application"]


def verify_application(
    verifier: Verifier,
    files: Mapping[str, bytes],
    at: datetime,
    *,
    seen: Seen | None = None,
) -> Outcome:
    """The verdict on the one signature among these files.

    Every reference of it must be to one of them, as it was signed. Files that it does
    not name change no verdict; they stand in `not_covered`, not to be relied on.

    Args:
        files: of a folder or an archive, by their names, `/` between folders.
        at: the instant to judge at.
        seen: takes note of the evidence, for a record of the verdict.

    Raises:
        RequestError: the instant has no time zone.
    """
    try:
        found = find_application(files)
    except DocumentError as error:
        reason = refused_document(error).reason()
        return Invalid(at=at, reason=reason, not_covered=tuple(sorted(files)))
    outcome = verifier.verify(found.document, found.content, at, seen=seen)
    return replace(
        outcome,
        signature_file=found.name,
        # Where the signature itself is wrong it covers nothing.
        covered=found.covered if outcome.covered else (),
        not_covered=found.not_covered,
    )
