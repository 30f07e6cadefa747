"""A revocation service for registered verifiers: two workers, real tokens, the CLI."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from jpki.authority.remote.client import IssuedCertificate
from jpki.cli import main
from jpki.cli.supervisor import Supervisor
from jpki.documents.cms import sign_detached
from jpki.documents.confirmation import make_enquiry
from jpki.model.ports import Signer
from jpki.model.suites import Digest
from jpki.x509.ocsp import (
    SUCCESSFUL,
    UNAUTHORIZED,
    Good,
    build_request,
    cert_id,
    parse_response,
)
from jpki.x509.pem import pem
from tests.support.installation import (
    GOVERNOR,
    SERVERS,
    Installation,
    Reply,
    founded_installation,
    new_key,
    send,
    within,
)

_OCSP = {"Content-Type": "application/ocsp-request"}
_LIST = f"/crls/{GOVERNOR}/1/crl.crl"


@dataclass(kw_only=True)
class Site:
    """An installation for registered verifiers only."""

    installation: Installation
    issued: IssuedCertificate
    key: Signer
    workers: list[int]
    """Ports of two processes over one database."""
    folder: Path

    def run(self, *words: str | Path) -> str:
        """One command of an operator; its output."""
        made = CliRunner().invoke(main, [str(word) for word in words])
        assert made.exit_code == 0, made.output
        return made.output

    def operator(self, number: int = 1) -> list[str | Path]:
        """Who acts, and where."""
        layout = self.installation.layout
        credential = layout.data / "credentials" / f"ca-operator-{number}.pem"
        return ["--as", credential, "--config", layout.config]

    def register(self, name: str, **parameters: str) -> None:
        """Two operators let somebody in."""
        given = {"name": "国税庁", "signature": "yes", "authentication": "no"}
        given |= parameters
        words = [f"{key}={value}" for key, value in given.items()]
        asked = json.loads(
            self.run(
                *["ca", "request", "register-verifier", f"verifier={name}", *words],
                *[*self.operator(1), "--json"],
            )
        )
        self.run("ca", "approve", asked["id"], asked["digest"], *self.operator(2))

    def token(self, name: str, *options: str) -> str:
        """A new token of this verifier's."""
        file = self.folder / f"{name}-{time.monotonic_ns()}.token"
        self.run("verifier", "token", name, file, *options, *self.operator())
        assert file.stat().st_mode & 0o777 == 0o600
        return file.read_text().strip()

    def ask(
        self, path: str, token: str | None = None, worker: int = 0, **fields: str
    ) -> Reply:
        """A GET."""
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return send(self.workers[worker], "GET", path, headers=headers)

    def ocsp(self, token: str | None, worker: int = 0) -> Reply:
        """About the one certificate."""
        issuer = self.installation.issuer
        entry = cert_id(
            issuer.subject_der, issuer.public_key, self.issued.serial, Digest.SHA1
        )
        headers = dict(_OCSP)
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return send(
            self.workers[worker], "POST", "/ocsp", build_request([entry]), headers
        )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Two governors' authorities, and two workers that ask who is there."""
    folder = tmp_path_factory.mktemp("registered")
    with founded_installation(folder / "site") as made:
        config = made.layout.config
        lines = '[revocation]\naccess = "registered"\ntrusted_proxy = "127.0.0.1"'
        config.write_text(config.read_text().replace("[revocation]", lines))
        made.start(*SERVERS)
        second = folder / "site" / "second.toml"
        port = made.settings.revocation.port
        second.write_text(config.read_text().replace(f"port = {port}", "port = 0"))
        with Supervisor(second, folder) as other:
            other.start("ocsp_crl")
            ports = [port, int(other.servers[0].url.rpartition(":")[2])]
            key = new_key()
            issued = made.certified(key=key)
            yield Site(
                installation=made,
                issued=issued,
                key=key,
                workers=ports,
                folder=folder,
            )


def _is(ask: Callable[..., Reply], *arguments: object, status: int) -> bool:
    return ask(*arguments).status == status


def _status(reply: Reply) -> object:
    answer = parse_response(reply.body)
    assert answer.basic is not None
    return answer.basic.responses[0].status


def test_who_shows_nothing_is_told_nothing(site: Site) -> None:
    """Of lists, OCSP and history; but the server is seen to be well."""
    history = f"/history/{GOVERNOR}/{site.issued.serial:x}"
    for reply in (
        site.ocsp(None),
        site.ask(_LIST),
        site.ask("/crls"),
        site.ask(history),
        site.ask(_LIST, "x" * 43),
        site.ask(_LIST, "short"),
        site.ask(_LIST, Client_Cert=":AAAA:"),
        site.ask(_LIST, Client_Cert="AAAA"),
    ):
        assert reply.status == 401
        assert reply.headers["www-authenticate"] == 'Bearer realm="revocation"'
        assert reply.document["code"] == "authentication"
    assert site.ask("/health/ready").status == 200


def test_a_registered_verifier_is_answered(site: Site) -> None:
    """By each worker; nobody else is given its answers by a cache."""
    site.register("tax-agency")
    token = site.token("tax-agency")
    for worker in (0, 1):
        assert within(2, partial(_is, site.ask, _LIST, token, worker, status=200))
        assert _status(site.ocsp(token, worker)) == Good()
        reply = site.ask(_LIST, token, worker)
        assert "private" in reply.headers["cache-control"]
        assert "public" not in reply.headers["cache-control"]
        assert (
            site.ask(f"/history/{GOVERNOR}/{site.issued.serial:x}", token).status == 200
        )


def test_certificates_that_are_not_its_business(site: Site) -> None:
    """OCSP says `unauthorized`; a list of such certificates is refused."""
    site.register("bank", signature="no", authentication="yes")
    token = site.token("bank")
    assert within(2, lambda: site.ask("/crls", token).status == 200)
    refused = site.ocsp(token)
    assert (refused.status, parse_response(refused.body).status) == (200, UNAUTHORIZED)
    told = site.ask(_LIST, token)
    assert (told.status, told.document["code"]) == (403, "permission")
    assert site.ask(f"/crls/{GOVERNOR}/1/arl.crl", token).status == 200
    history = site.ask(f"/history/{GOVERNOR}/{site.issued.serial:x}", token)
    assert history.status == 403


def test_a_suspension_holds_within_a_second(site: Site) -> None:
    """On both workers; so does its end."""
    site.register("portal")
    token = site.token("portal")

    def told(status: int) -> bool:
        return {site.ocsp(token, worker).status for worker in (0, 1)} == {status}

    assert within(2, lambda: told(200))
    site.run("verifier", "suspend", "portal", "--ground", "x", *site.operator())
    assert within(1.5, lambda: told(403))
    assert site.ocsp(token).document["code"] == "verifier.suspended"
    site.run("verifier", "resume", "portal", "--ground", "y", *site.operator())
    assert within(1.5, lambda: told(200))


def test_a_quota_and_the_count(site: Site) -> None:
    """The answers of one day; what was refused is counted apart."""
    site.register("small", daily_quota="5")
    token = site.token("small")
    assert within(2, lambda: site.ask("/crls", token).status == 200)
    for _ in range(4):
        answer = parse_response(site.ocsp(token).body)
        assert answer.status == SUCCESSFUL
    over = site.ocsp(token)
    assert (over.status, over.document["code"]) == (429, "verifier.quota")
    assert 0 < int(over.headers["retry-after"]) <= 86400

    def usage() -> dict[str, Any]:
        config = site.installation.layout.config
        told = site.run("verifier", "usage", "--json", "--config", config)
        found: dict[str, Any] = json.loads(told)["verifiers"].get("small", {})
        return found

    assert within(6, lambda: usage() == {"crl": [1, 0], "ocsp": [4, 1]})
    # The other worker has learned of it.
    assert site.ocsp(token, worker=1).status == 429
    config = site.installation.layout.config
    table = site.run("verifier", "usage", "--csv", "--config", config)
    assert table.startswith("verifier,day,service,answered,refused\n")
    assert "small," in site.run("verifier", "usage", "--csv", "--config", config)


def test_tokens_follow_one_another(site: Site) -> None:
    """With an overlap both count; with none the first ends."""
    site.register("rotating")
    first = site.token("rotating")
    second = site.token("rotating", "--overlap", "1")
    assert within(2, lambda: site.ask("/crls", second).status == 200)
    assert site.ask("/crls", first).status == 200
    third = site.token("rotating", "--overlap", "0")
    assert within(2, lambda: site.ask("/crls", third).status == 200)
    assert [site.ask("/crls", each).status for each in (first, second)] == [401, 401]
    listed = json.loads(
        site.run(
            "verifier", "list", "--json", "--config", site.installation.layout.config
        )
    )
    (mine,) = [e for e in listed["verifiers"] if e["verifier"] == "rotating"]
    assert len(mine["credentials"]) == 1
    assert third not in json.dumps(listed)


def test_a_client_certificate_from_the_proxy(site: Site) -> None:
    """RFC 9440; a token beside it is not looked at."""
    site.register("hospital")
    file = site.folder / "client.pem"
    file.write_bytes(pem(site.issued.certificate, "CERTIFICATE"))
    site.run("verifier", "certificate", "hospital", file, *site.operator())
    field = f":{base64.b64encode(site.issued.certificate).decode()}:"
    assert within(2, lambda: site.ask("/crls", Client_Cert=field).status == 200)
    other = base64.b64encode(site.issued.authority_certificate).decode()
    assert site.ask("/crls", Client_Cert=f":{other}:").status == 401


def test_residents_ask_about_their_own(site: Site) -> None:
    """Without an account: the card's signature is enough."""
    at = site.installation.clock()
    enquiry = make_enquiry(site.issued.certificate, site.key, at)
    headers = {"Content-Type": "application/pkcs7-signature"}
    told = send(site.workers[0], "POST", "/confirm", enquiry, headers)
    assert told.status == 200
    assert told.headers["cache-control"] == "no-store"
    assert told.document["result"] == 200
    assert told.document["name"] == "JPKI_CONFIRM_OK"
    assert told.document["serial"] == f"{site.issued.serial:x}"
    wrong = send(site.workers[0], "POST", "/confirm", b"0\x00", headers)
    assert (wrong.status, wrong.document["result"]) == (200, 603)
    assert send(site.workers[0], "POST", "/confirm", enquiry).status == 400


def test_the_command_verifies_as_a_registered_verifier(site: Site) -> None:
    """With its token; then offline, from what was kept; then by a stapled answer."""
    site.register("desk")
    token = site.folder / "desk.token"
    token.write_text(site.token("desk"))
    folder, at = site.folder, site.installation.clock()
    document, signature = folder / "document.txt", folder / "document.p7s"
    anchor, cache = folder / "anchor.der", folder / "cache"
    document.write_text("申請します")
    signature.write_bytes(
        sign_detached(document.read_bytes(), site.issued.certificate, site.key, at)
    )
    anchor.write_bytes(site.issued.authority_certificate)
    url = f"http://127.0.0.1:{site.workers[0]}"
    words = [document, "--signature", signature, "--anchor", anchor, "--json"]
    asking = ["--crls-url", f"{url}/crls", "--ocsp-url", f"{url}/ocsp"]

    def outcome(*options: str | Path) -> Any:
        told = CliRunner().invoke(
            main, ["verify", *map(str, words), *map(str, options)]
        )
        return json.loads(told.stdout)["outcome"]

    assert within(2, lambda: site.ask("/crls", token.read_text()).status == 200)
    assert outcome(*asking) == "indeterminate"
    assert outcome(*asking, "--token", token, "--cache", cache) == "valid"
    assert outcome(*asking, "--offline", "--cache", cache) == "valid"
    assert outcome("--offline") == "indeterminate"
    stapled = folder / "stapled.ors"
    stapled.write_bytes(site.ocsp(token.read_text()).body)
    assert outcome("--offline", "--ocsp", stapled) == "valid"
    broken = CliRunner().invoke(
        main, ["verify", *map(str, words), "--ocsp", str(document)]
    )
    assert (broken.exit_code, "OCSP response" in broken.stderr) == (2, True)


def test_a_worker_that_stops_enters_what_it_counted(site: Site) -> None:
    """SIGTERM loses nothing."""
    site.register("leaving")
    token = site.token("leaving")
    with Supervisor(site.folder / "site" / "second.toml", site.folder) as other:
        other.start("ocsp_crl")
        port = int(other.servers[0].url.rpartition(":")[2])
        bearer = {"Authorization": f"Bearer {token}"}
        for _ in range(3):
            assert send(port, "GET", "/crls", headers=bearer).status == 200
    config = site.installation.layout.config
    found = json.loads(site.run("verifier", "usage", "--json", "--config", config))
    assert found["verifiers"]["leaving"] == {"crl": [3, 0]}


def test_the_books_agree_with_the_log(site: Site) -> None:
    """Whatever verifiers and operators did."""
    site.installation.check_books()
