"""Credential files, the list of callers, and roles."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from jpki.access import (
    create_credential,
    generate_credential,
    load_callers,
    load_credential,
    require_municipality,
    require_role,
    save_callers,
)
from jpki.access.credentials import Credential
from jpki.access.messages import request_from_environ
from jpki.errors import ConfigurationError, CredentialError, PermissionDenied
from jpki.keys.memory import generate_key
from jpki.model.codes import MunicipalityCode
from jpki.model.operators import Caller, Role
from jpki.model.suites import suite

TSUKUBA = MunicipalityCode("082201")
KEY = generate_credential("somebody").public_key
COUNTER = Caller(
    id="counter-082201-1", role=Role.COUNTER, public_key=KEY, municipality=TSUKUBA
)


def test_a_credential_file_comes_back(tmp_path: Path) -> None:
    """Identifier and key survive, and only the owner may read the file."""
    path = tmp_path / "counter.pem"
    made = create_credential(path, "counter-082201-1")
    read = load_credential(path)
    assert (made.id, made.public_key) == (read.id, read.public_key)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_credential_file_is_never_overwritten(tmp_path: Path) -> None:
    """Making a second one at the same place is refused."""
    path = tmp_path / "counter.pem"
    create_credential(path, "one")
    with pytest.raises(CredentialError, match="exists"):
        create_credential(path, "two")
    assert load_credential(path).id == "one"


def test_damaged_credential_files_are_refused(tmp_path: Path) -> None:
    """Missing, open to others, unlabelled, truncated, or of another kind."""
    path = tmp_path / "counter.pem"
    with pytest.raises(CredentialError, match="No such file"):
        load_credential(path)
    create_credential(path, "counter")
    content = path.read_bytes()
    path.chmod(0o640)
    with pytest.raises(CredentialError, match="other users"):
        load_credential(path)
    path.chmod(0o600)
    for damaged in (
        content.partition(b"\n")[2],
        content[:60],
        b"Caller: x\n",
        content.replace(b"Caller: counter", b"Caller: UPPER CASE"),
        b"Caller: x\n\x00\xff",
    ):
        path.write_bytes(damaged)
        with pytest.raises(CredentialError):
            load_credential(path)


def test_only_p256_keys_sign_requests() -> None:
    """A key of another suite makes no credential."""
    with pytest.raises(CredentialError, match="p256-sha256"):
        Credential(id="somebody", signer=generate_key(suite("p384-sha384")))


@pytest.mark.parametrize("name", ["", "-x", "A", "a b", "é", 'a"b', "a" * 64, "a\n"])
def test_identifiers_are_short_and_plain(name: str) -> None:
    """They stand in logs and audit entries as they are."""
    with pytest.raises(CredentialError):
        generate_credential(name)


def test_the_list_of_callers_comes_back(tmp_path: Path) -> None:
    """What is saved is what is loaded."""
    server = Caller(id="ca", role=Role.AUTHORITY_SERVER, public_key=KEY)
    path = tmp_path / "clients.toml"
    save_callers(path, [COUNTER, server])
    save_callers(path, [COUNTER, server])
    assert {"ca": server, COUNTER.id: COUNTER} == load_callers(path)


def entry(**changes: str | None) -> str:
    """One [[caller]] table with some keys changed or left out."""
    values: dict[str, str | None] = {
        "id": "counter-1",
        "role": "counter",
        "municipality": "082201",
        "public_key": base64.b64encode(KEY).decode(),
        **changes,
    }
    lines = [f'{key} = "{value}"' for key, value in values.items() if value is not None]
    return "\n".join(["[[caller]]", *lines, ""])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[[caller", "syntax"),
        ("caller = 3", "only"),
        ("[other]", "other"),
        ('caller = ["x"]', "text"),
        (entry(colour="red"), "unknown key colour"),
        (entry(role=None), "missing key role"),
        (entry(role="king"), "king"),
        (entry(id="No Id"), "identifier"),
        (entry(municipality="082202"), "check digit"),
        (entry(municipality=None), "needs municipality"),
        (entry(role="auditor"), "has no municipality"),
        (entry(public_key="%%"), "caller 1"),
        (entry(public_key="AAAA"), "P-256"),
        (entry() + entry(), "again"),
    ],
)
def test_a_bad_list_of_callers_is_refused(
    tmp_path: Path, text: str, reason: str
) -> None:
    """The complaint names the file, the entry and what is wrong."""
    path = tmp_path / "clients.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=reason) as caught:
        load_callers(path)
    assert str(path) == caught.value.file


def test_a_missing_list_of_callers_is_refused(tmp_path: Path) -> None:
    """A server without callers is a mistake in the settings."""
    with pytest.raises(ConfigurationError, match="No such file"):
        load_callers(tmp_path / "none.toml")


def test_roles_and_municipalities_bind() -> None:
    """A caller does what its role allows, where it is responsible."""
    require_role(COUNTER, "file an application", Role.COUNTER, Role.APPROVER)
    require_municipality(COUNTER, "file an application", TSUKUBA)
    with pytest.raises(PermissionDenied, match="auditor or approver"):
        require_role(COUNTER, "read the log", Role.AUDITOR, Role.APPROVER)
    with pytest.raises(PermissionDenied, match="131016"):
        require_municipality(COUNTER, "file", MunicipalityCode("131016"))


def test_the_request_is_read_from_the_environment_as_it_was_sent() -> None:
    """Escapes, query and repeated slashes stay as they were; an origin may be set."""
    environ = {
        "REQUEST_METHOD": "GET",
        "REQUEST_URI": "/a//%7E?b=%2f",
        "wsgi.url_scheme": "http",
        "HTTP_HOST": "localhost:1",
        "HTTP_IDEMPOTENCY_KEY": "k",
        "CONTENT_TYPE": "text/plain",
        "SERVER_NAME": "ignored",
    }
    request = request_from_environ(environ, b"x")
    assert request.url == "http://localhost:1/a//%7E?b=%2f"
    assert request.headers["idempotency-key"] == "k"
    assert request.headers["content-type"] == "text/plain"
    behind = request_from_environ(environ, b"x", origin="https://ca.example")
    assert behind.url == "https://ca.example/a//%7E?b=%2f"
