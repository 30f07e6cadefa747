"""OCSP over HTTP: signed answers given again, and answers signed for a nonce.

`wrk` asks about 500 certificates over 32 connections, by POST and by GET, one worker of
`ocsp_crl` on one of two cores. Beside it in turns: the same server where it gives the
same octets to every request that it has received and taken apart (the limit), and
`cfssl ocspserve` on one processor with a file of the very same answers. That of cfssl
1.2.0 refuses every GET, since it decodes the slash before the base64 too: beside GET
stands what it does by POST.

Two cores are shared with whatever else the machine does. Therefore each round runs all
of them one directly after the other, the next round in the opposite order, and rates
and waits are medians of the rounds. What is compared with a limit is how many answers a
server gives in a second of its processor's time, each in its best round: other work
only ever adds to that time. A worker that has a core for itself gives as many in a
second.

With a nonce every answer is signed. The limit is the bare signature: the same key and
messages of the same length. "In one process" is from the octets of an HTTP request to
those of its answer, without sockets. A signature with P-256 takes so little time that
receiving and sending weighs as much: there the limit is signature and constant octets
one after the other, and the share of the bare signature is told without a target.
`openssl ocsp -port` and the responder of certomancer, which is made for tests, sign for
a nonce too, with an RSA-2048 key and a connection for each request, asked one after the
other. That of certomancer knows ten certificates: its file describes each.

"First asked" are certificates that nobody asked about before: what comes together is
looked up together. Needs the Debian packages wrk and golang-cfssl.
"""

from __future__ import annotations

import http.client
import shutil
import tempfile
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from importlib import metadata
from operator import attrgetter
from pathlib import Path
from statistics import median
from time import process_time
from typing import Final

from benchmarks.figures import Figure, Target
from benchmarks.ocsp_peers import (
    CertomancerPeer,
    OneByOne,
    OpenSSLPeer,
    cfssl,
    version,
)
from benchmarks.ocsp_rig import GOVERNOR, Place, founded
from benchmarks.timing import neighbours
from benchmarks.turns import Signing, Took, Turn, in_turns
from benchmarks.wrk import Load, Measured
from jpki.authority import current_responder
from jpki.authority.answering.kept_answers import KeptAnswers
from jpki.authority.answering.responder import Responder
from jpki.errors import ConfigurationError
from jpki.model.ports import Signer
from jpki.service.clock import ProcessClock
from jpki.service.office import open_status_office
from jpki.service.shortcut import Promise
from jpki.x509.ocsp import parse_response
from ocsp_crl.short_answers import short_answers

__all__ = ["run"]

_HOT: Final = 500
_CONNECTIONS: Final = 32
_LATER: Final = 150
"""Octets of a whole `tryLater`."""
_COLD: Final = 20_000
_OF_CONSTANT: Final = 0.9
_OF_CFSSL: Final = 1.0
_OF_SIGNATURE: Final = 0.8
_PACKAGES: Final = {"wrk": "wrk", "cfssl": "golang-cfssl", "openssl": "openssl"}
_KINDS: Final = {"RSA-2048": "rsa2048-sha256", "P-256": "p256-sha256"}


def run(quick: bool) -> Sequence[Figure]:
    """All servers in turns, then each kind of key.

    Raises:
        ConfigurationError: a program is missing; says which package has it.
    """
    for program, package in _PACKAGES.items():
        if shutil.which(program) is None:
            raise ConfigurationError(
                "benchmarks ocsp", program, "is missing",
                hint=f"apt-get install {package}",
            )  # fmt: skip
    rounds, seconds = (1, 1) if quick else (12, 1)
    with (
        tempfile.TemporaryDirectory(prefix="jpki-ocsp-") as directory,
        founded(Path(directory) / "installation", _HOT + _COLD) as place,
    ):
        folder = Path(directory)
        hot = place.serials[:_HOT]
        figures = [*_signed_before(place, folder, hot, rounds, seconds)]
        for name, suite in _KINDS.items():
            place.responder(suite)
            figures += _with_nonces(place, folder, hot, name, rounds, seconds)
        figures += _first_asked(place, folder, place.serials[_HOT:], (rounds + 2) // 3)
    return figures


def _signed_before(
    place: Place, folder: Path, hot: Sequence[int], rounds: int, seconds: int
) -> Iterator[Figure]:
    requests = place.requests(hot)
    peer = version("cfssl")
    with ExitStack() as running:
        server = running.enter_context(place.server())
        constant = running.enter_context(place.server("benchmarks.constant_server"))
        answers = _warm(server.url, requests)
        other = running.enter_context(cfssl(folder, answers))
        for method, load, path in (
            ("POST", Load.post, "/ocsp"),
            ("GET", Load.get, "/ocsp/"),
        ):
            ours = load(folder, "ours", requests, path)
            theirs = Load.post(folder, "theirs", requests, "/")
            took = in_turns(
                {
                    "jpki": Turn(ours, server.url, server.process.pid),
                    "constant": Turn(ours, constant.url, constant.process.pid),
                    peer: Turn(theirs, other),
                },
                rounds,
                seconds,
            )
            yield from _rates(method, took, peer)


def _rates(method: str, took: Took, peer: str) -> Iterator[Figure]:
    name = f"signed before, {method}"
    rates = _rates_of(took)
    yield Figure(
        name=name,
        value=rates["jpki"],
        unit="1/s",
        peers={"constant octets": rates["constant"], peer: rates[peer]},
    )
    yield Figure(
        name=f"{name}, times {peer}",
        value=median(each["jpki"].rate / each[peer].rate for each in took),
        unit="",
        target=Target("at least", _OF_CFSSL),
    )
    yield _of_limit(
        name, took, ["constant"],
        Target("at least", _OF_CONSTANT, of_limit=True),
    )  # fmt: skip
    yield from _waits(name, took, peer)


def _rates_of(took: Took) -> Mapping[str, float]:
    return {name: median(each[name].rate for each in took) for name in took[0]}


def _of_limit(
    name: str, took: Took, limit: Sequence[str], target: Target | None
) -> Figure:
    """Answers in a second of processor time, beside these one after the other."""
    spent = {name: min(each[name].processor for each in took) for name in took[0]}
    return Figure(
        name=f"{name}, in a second of processor time",
        value=1 / spent["jpki"],
        unit="1/s",
        limit=1 / sum(spent[one] for one in limit),
        target=target,
    )


def _waits(name: str, took: Took, *peers: str) -> Iterator[Figure]:
    for share, of in (
        ("half", attrgetter("half")),
        ("99 of 100", attrgetter("most")),
    ):
        waits = {who: median(of(each[who]) for each in took) * 1000 for who in took[0]}
        yield Figure(
            name=f"{name}, {share} answered within",
            value=waits["jpki"],
            unit="ms",
            peers={who: waits[who] for who in peers},
        )


def _with_nonces(
    place: Place,
    folder: Path,
    hot: Sequence[int],
    kind: str,
    rounds: int,
    seconds: int,
) -> Iterator[Figure]:
    requests = place.requests(list(hot) * 20, nonces=True)
    signer, length = _signer(place, requests)
    inside, bare = _in_one_process(place, requests, signer, length, rounds)
    yield Figure(
        name=f"signed for a nonce, {kind}, in one process",
        value=inside,
        unit="1/s",
        limit=bare,
        target=Target("at least", _OF_SIGNATURE, of_limit=True),
    )
    with ExitStack() as running:
        server = running.enter_context(place.server())
        constant = running.enter_context(place.server("benchmarks.constant_server"))
        _warm(server.url, place.requests(hot))
        load = Load.post(folder, "nonces", requests, "/ocsp")
        turns = {
            "jpki": Turn(load, server.url, server.process.pid),
            "constant": Turn(load, constant.url, constant.process.pid),
            "signature": Turn(Signing(signer, length), ""),
        }
        peers: dict[str, OpenSSLPeer | CertomancerPeer] = {}
        if kind == "RSA-2048":
            peers = {
                version("openssl"): OpenSSLPeer(folder, hot),
                f"certomancer {metadata.version('certomancer')}": CertomancerPeer(
                    folder, hot[:10]
                ),
            }
        for name, peer in peers.items():
            url = running.enter_context(peer.running())
            turns[name] = Turn(OneByOne(bodies=peer.requests()), url)
        took = in_turns(turns, rounds, seconds)
    full = max(each["jpki"].octets for each in took)
    took = [{**each, "jpki": _signed(each["jpki"], full)} for each in took]
    rates = _rates_of(took)
    name = f"signed for a nonce, {kind}, over HTTP"
    yield Figure(
        name=name,
        value=rates["jpki"],
        unit="1/s",
        peers={
            "bare signature": rates["signature"],
            "constant octets": rates["constant"],
            **{peer: rates[peer] for peer in peers},
        },
    )
    target = Target("at least", _OF_SIGNATURE, of_limit=True)
    small = kind != "RSA-2048"
    yield _of_limit(
        f"{name}, beside the bare signature", took,
        ["signature"], None if small else target,
    )  # fmt: skip
    if small:
        yield _of_limit(
            f"{name}, beside signature and constant octets", took,
            ["signature", "constant"], target,
        )  # fmt: skip
    yield from _waits(name, took, *peers)


def _signed(one: Measured, full: float) -> Measured:
    """The same where only what was signed counts as an answer, and no `tryLater`.

    Args:
        one: with how many octets an answer had.
        full: as many as one has that is signed.
    """
    share = (one.octets - _LATER) / (full - _LATER)
    return replace(one, rate=one.rate * share, processor=one.processor / share)


def _signer(place: Place, requests: Sequence[bytes]) -> tuple[Signer, int]:
    """The responder's key, and how many octets it signs beside 32 that vary."""
    office, at = open_status_office(place.settings), ProcessClock()()
    found = current_responder(office, GOVERNOR, at=at)
    assert found is not None
    answer = Responder(office, timedelta(hours=1)).answer(requests[0], at)
    basic = parse_response(answer.body).basic
    assert basic is not None
    office.store.close()
    return office.keyring.open(found[0].key_uri), len(basic.tbs) - 32


def _in_one_process(
    place: Place,
    requests: Sequence[bytes],
    signer: Signer,
    length: int,
    rounds: int,
) -> tuple[float, float]:
    """Answers and bare signatures per second of processor time."""
    office, clock = open_status_office(place.settings), ProcessClock()
    answers = KeptAnswers(
        office, Responder(office, timedelta(hours=1)), trusted_seconds=3600
    )
    shortcut = short_answers(answers, clock, queue_limit=1)
    octets = [
        b"POST /ocsp HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n"
        b"Content-Type: application/ocsp-request\r\n\r\n%b" % (len(each), each)
        for each in requests
    ]
    for each in requests[:_HOT]:
        answers.answer(each, clock())
    count = len(requests) // 10
    shortest = len(answers.answer(requests[0], clock()).body)

    def signed(some: Sequence[bytes]) -> bool:
        given: list[bytes | None] = []
        for each in some:
            promise = shortcut(each, 0)
            assert isinstance(promise, Promise)
            promise.give = given.append
        shortcut.end_turn()
        assert len(given) == len(some)
        return all(each is not None and len(each) > shortest for each in given)

    def answer(number: int) -> None:
        mine = octets[number % 10 * count :][:count]
        for start in range(0, count, _CONNECTIONS):
            # Whoever is held up in a turn says `tryLater`; that is no answer.
            while not signed(mine[start : start + _CONNECTIONS]):
                pass

    def sign(number: int) -> None:
        for other in range(count):
            signer.sign(b"%016d%016d" % (number, other) + bytes(length))

    pair = neighbours(answer, sign, max(3, rounds), process_time)
    office.store.close()
    return count / pair.first, count / pair.first * pair.ratio


def _first_asked(
    place: Place, folder: Path, serials: Sequence[int], rounds: int
) -> Iterator[Figure]:
    """With a key of P-256: nearly all of it is looking up."""
    warm, rest = serials[:100], place.requests(serials[100:])
    load = Load.post(folder, "first", rest, "/ocsp")
    for connections in (1, _CONNECTIONS):
        took = []
        for _ in range(rounds):
            # A server that knows none of them yet.
            with place.server() as server:
                _warm(server.url, place.requests(warm))
                took.append({"jpki": load.run(server.url, 1, connections=connections)})
        rate = _rates_of(took)["jpki"]
        # More would have been asked for again, and been known.
        assert rate < len(rest)
        name = f"first asked, P-256, over {connections} connections"
        yield Figure(name=name, value=rate, unit="1/s")
        yield from _waits(name, took)


def _warm(url: str, requests: Sequence[bytes]) -> Sequence[bytes]:
    """Ask everything once, one after the other; the answers."""
    address = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port)
    fields = {"Content-Type": "application/ocsp-request"}
    answers = []
    for request in requests:
        connection.request("POST", "/ocsp", request, fields)
        answers.append(connection.getresponse().read())
    connection.close()
    return answers
