"""An application that came as files: which is its signature, and what is it over?

A form in XML, attachments, and an XML signature whose references name them, as e-Gov
電子申請 has them. References are looked up among the files that came along and nowhere
else, from the folder that the signature stands in; a name that leads anywhere else
finds nothing. Which file is the signature is found out and never guessed: where two
could be, somebody may have added one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Final
from unicodedata import normalize

from jpki.documents.archives import require_safe_names
from jpki.documents.kinds import kind_of
from jpki.documents.signature import Kind
from jpki.errors import DocumentError, DocumentFault

__all__ = ["Application", "find_application"]

MAX_SIGNED: Final = 32
"""XML files with signatures that are read to find the one."""
_NAMESPACE: Final = b"http://www.w3.org/2000/09/xmldsig#"


@dataclass(frozen=True, kw_only=True, slots=True)
class Application:
    """A signature and the files that it names. Nothing is checked."""

    name: str
    """Of the file with the signature in it."""
    document: bytes = field(repr=False)
    """That file."""
    content: Mapping[str, bytes] | None = field(repr=False)
    """The files that it refers to, by the names that it gives them; None for none."""
    covered: tuple[str, ...]
    """The same files by their own names: signed, if the signature holds."""
    not_covered: tuple[str, ...]
    """All others: whoever sent this may have changed or added them."""


def find_application(files: Mapping[str, bytes]) -> Application:
    """Find the one signature among these files.

    Args:
        files: by their names in the folder or archive, `/` between folders.

    Raises:
        DocumentError: there is none that can be read, or more than one could be it; or
            a name leads elsewhere.
    """
    require_safe_names(files)
    named, problems = _signatures(files)
    over_files = [name for name, names in named.items() if names]
    candidates = over_files or list(named)
    if len(candidates) > 1:
        raise DocumentError(
            f"{', '.join(sorted(candidates)[:4])}: which is the signature?",
            fault=DocumentFault.SEVERAL_SIGNERS,
            hint="give that one with --signature, and the files that it is over",
        )
    if not candidates:
        raise next(iter(problems.values()), _unsigned())
    (name,) = candidates
    found = _found(named[name], name, files)
    covered = {*found.values()}
    return Application(
        name=name,
        document=files[name],
        content={other: files[file] for other, file in found.items()} or None,
        covered=tuple(sorted(covered)),
        not_covered=tuple(sorted(files.keys() - covered - {name})),
    )


def _found(
    names: Iterable[str], signature: str, files: Mapping[str, bytes]
) -> dict[str, str]:
    """The files that these names mean, seen from the signature's folder.

    Some systems take a character apart (が as か and a mark) in names of files. No two
    files differ by that alone: the names are safe.
    """
    folder = signature[: signature.rfind("/") + 1]
    forms = {normalize("NFC", file): file for file in files if file != signature}
    places = {name: normalize("NFC", folder + name) for name in names}
    return {name: forms[place] for name, place in places.items() if place in forms}


def _signatures(
    files: Mapping[str, bytes],
) -> tuple[dict[str, tuple[str, ...]], dict[str, DocumentError]]:
    """What each XML signature is over besides itself; and those that are unreadable."""
    named: dict[str, tuple[str, ...]] = {}
    problems: dict[str, DocumentError] = {}
    candidates = [name for name, octets in files.items() if _may_be_signed(octets)]
    if len(candidates) > MAX_SIGNED:
        raise DocumentError(
            f"more than {MAX_SIGNED} signed XML files",
            fault=DocumentFault.SEVERAL_SIGNERS,
        )
    for name in candidates:
        try:
            # Loaded only where there is XML.
            references = import_module("jpki.documents.xml.references")
            named[name] = references.names_outside(files[name])
        except ModuleNotFoundError as error:
            raise DocumentError(
                f"XML cannot be judged here: {error.name} is not installed",
                fault=DocumentFault.UNSUPPORTED,
                hint="pip install 'jpki[xml]'",
            ) from None
        except DocumentError as error:
            problems[name] = DocumentError(
                f"{name[:64]}: {error.message}", fault=error.fault, hint=error.hint
            )
    return named, problems


def _may_be_signed(octets: bytes) -> bool:
    if _NAMESPACE not in octets:
        return False
    try:
        return kind_of(octets) is Kind.XML
    except DocumentError:
        return False


def _unsigned() -> DocumentError:
    return DocumentError(
        "no XML signature among these files", fault=DocumentFault.NO_SIGNER
    )
