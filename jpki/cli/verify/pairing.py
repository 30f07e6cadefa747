"""Which of the files are signatures, and what are they over?

Somebody who names an application and its signature, in either order, need not say which
is which: a signature without its content inside is over what else is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module

from jpki.documents.kinds import kind_of
from jpki.documents.signature import Content, Kind
from jpki.documents.signed_data import parse_signed_data
from jpki.errors import DocumentError, JpkiError, RequestError

__all__ = ["Named", "Signed", "application_of", "over_files", "paired"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """A file that was handed in."""

    name: str
    """Its name without the folder, as a signature would refer to it."""
    octets: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Signed:
    """One document to judge."""

    name: str
    document: bytes = field(repr=False)
    content: Content = field(repr=False, default=None)
    files: Mapping[str, bytes] | None = field(repr=False, default=None)
    """In place of a document: an application's files, its signature among them."""


def paired(files: Sequence[Named]) -> list[Signed]:
    """The documents to judge among these files, in their order.

    Raises:
        RequestError: it is not clear what a signature is over.
    """
    if len(files) == 1:
        return [Signed(name=files[0].name, document=files[0].octets)]
    detached = [file for file in files if _is_detached(file)]
    if detached:
        return _each_with_its_own(detached, [f for f in files if f not in detached])
    attached: dict[str, dict[str, bytes]] = {}
    taken: set[str] = set()
    for file in files:
        names = _attachments(file)
        named = [other for other in files if other.name in names]
        found = _by_name(named)
        if found:
            attached[file.name] = found
            taken |= found.keys()
    return [
        Signed(name=file.name, document=file.octets, content=attached.get(file.name))
        for file in files
        if file.name not in taken
    ]


def over_files(name: str, signature: bytes, files: Sequence[Named]) -> Signed:
    """A signature and the files that it is said to be over, all of them.

    Raises:
        RequestError: two of them have one name, or it can only be over one.
    """
    if len(files) == 1:
        return Signed(name=name, document=signature, content=files[0].octets)
    if _kind(Named(name=name, octets=signature)) is not Kind.XML:
        raise RequestError(
            f"{name} is no XML signature: it is over one file",
            hint="jpki verify FILE --signature SIGNATURE",
        )
    return Signed(name=name, document=signature, content=_by_name(files))


def _by_name(files: Sequence[Named]) -> dict[str, bytes]:
    """What references are looked up in.

    Raises:
        RequestError: one of two would be verified, and the other be taken for it.
    """
    content = {file.name: file.octets for file in files}
    if len(content) != len(files):
        raise RequestError(
            "two files have one name",
            hint="as they lay when they were signed: jpki verify FOLDER",
        )
    return content


def application_of(name: str, files: Mapping[str, bytes]) -> Signed:
    """An application as it was sent: a folder, or what was in an archive."""
    return Signed(name=name, document=b"", files=files)


def _attachments(file: Named) -> tuple[str, ...]:
    """The files that an XML signature is over, besides its own."""
    if _kind(file) is not Kind.XML:
        return ()
    try:
        # Loaded only where there is XML.
        references = import_module("jpki.documents.xml.references")
        names: tuple[str, ...] = references.names_outside(file.octets)
    except (JpkiError, ModuleNotFoundError):
        return ()
    return names


def _each_with_its_own(
    signatures: Sequence[Named], contents: Sequence[Named]
) -> list[Signed]:
    """`application.xml.p7s` or `application.p7s` is over `application.xml`."""
    found, left = [], list(contents)
    for signature in signatures:
        stem = signature.name.rpartition(".")[0]
        fitting = [
            file for file in left if stem in (file.name, file.name.rpartition(".")[0])
        ]
        if not fitting and len(signatures) == len(contents) == 1:
            fitting = list(left)
        if len(fitting) != 1:
            raise RequestError(
                f"{signature.name}: what is this a signature of?",
                hint="name that file beside it; or one by one, with --signature",
            )
        left.remove(fitting[0])
        found.append(
            Signed(
                name=fitting[0].name,
                document=signature.octets,
                content=fitting[0].octets,
            )
        )
    if left:
        raise RequestError(f"{left[0].name}: which signature is over this?")
    return found


def _kind(file: Named) -> Kind | None:
    try:
        return kind_of(file.octets)
    except DocumentError:
        return None


def _is_detached(file: Named) -> bool:
    if _kind(file) is not Kind.CMS:
        return False
    try:
        return parse_signed_data(file.octets).content is None
    except JpkiError:
        return False
