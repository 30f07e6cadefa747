"""OCSP over HTTP: signed answers given again, and answers signed for a nonce.

`wrk` asks about 500 certificates over 32 connections, by POST and by GET, one worker of
`ocsp_crl` on one of two cores. Beside it in turns: the same server where it gives the
same octets to every request that it has received and taken apart (the limit), and
`cfssl ocspserve` on one processor with a file of the very same answers. That of cfssl
1.2.0 refuses every GET, since it decodes the slash before the base64 too: beside GET
stands what it does by POST.

With a nonce every answer is signed. The limit is the bare signature: the same key and
messages of the same length. "In one process" is from the octets of an HTTP request to
those of its answer, without sockets, in processor time; "over HTTP" is what `wrk` gets.
A signature with P-256 takes so little time that receiving and sending weighs as much:
there the limit is signature and constant octets one after the other, and the share of
the bare signature is told without a target. `openssl ocsp -port` signs for a nonce too,
with an RSA-2048 key and a connection for each request, asked one after the other. The
responder of certomancer is left out: it is made to be stapled together from parts for
each test, and no package of Debian has it.

"First asked" are certificates that nobody asked about before: each takes a look into
the books, by a thread. Needs the Debian packages wrk and golang-cfssl.
"""

from __future__ import annotations

import http.client
import shutil
import tempfile
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from statistics import median
from time import process_time
from typing import Final

from benchmarks.figures import Figure, Target
from benchmarks.ocsp_peers import OneByOne, OpenSSLPeer, cfssl, version
from benchmarks.ocsp_rig import GOVERNOR, Place, founded
from benchmarks.timing import neighbours
from benchmarks.wrk import Load, Measured
from jpki.authority import current_responder
from jpki.authority.kept_answers import KeptAnswers
from jpki.authority.responder import Responder
from jpki.errors import ConfigurationError
from jpki.service.clock import ProcessClock
from jpki.service.office import open_status_office
from jpki.x509.ocsp import parse_response
from ocsp_crl.short_answers import short_answers

__all__ = ["run"]

_HOT: Final = 500
_COLD: Final = 8000
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
    rounds, seconds = (1, 1) if quick else (5, 3)
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
        figures += _first_asked(place, folder, place.serials[_HOT:])
    return figures


def _signed_before(
    place: Place, folder: Path, hot: Sequence[int], rounds: int, seconds: int
) -> Iterator[Figure]:
    requests = place.requests(hot)
    peer = version("cfssl")
    with ExitStack() as running:
        server = running.enter_context(place.server()).url
        constant = running.enter_context(place.server("benchmarks.constant_server")).url
        answers = _warm(server, requests)
        other = running.enter_context(cfssl(folder, answers))
        for method, load, path in (
            ("POST", Load.post, "/ocsp"),
            ("GET", Load.get, "/ocsp/"),
        ):
            ours = load(folder, "ours", requests, path)
            theirs = Load.post(folder, "theirs", requests, "/")
            took = _in_turns(
                {
                    "jpki": (ours, server),
                    "constant": (ours, constant),
                    peer: (theirs, other),
                },
                rounds,
                seconds,
            )
            yield from _rates(method, took, peer)


def _rates(
    method: str, took: Mapping[str, Sequence[Measured]], peer: str
) -> Iterator[Figure]:
    rates = {name: median(one.rate for one in each) for name, each in took.items()}
    yield Figure(
        name=f"signed before, {method}",
        value=rates["jpki"],
        unit="1/s",
        limit=rates["constant"],
        peers={peer: rates[peer]},
        target=Target("at least", _OF_CONSTANT, of_limit=True),
    )
    yield Figure(
        name=f"signed before, {method}, times {peer}",
        value=median(
            ours.rate / theirs.rate
            for ours, theirs in zip(took["jpki"], took[peer], strict=True)
        ),
        unit="",
        target=Target("at least", _OF_CFSSL),
    )
    yield from _waits(f"signed before, {method}", took, peer)


def _waits(
    name: str, took: Mapping[str, Sequence[Measured]], *peers: str
) -> Iterator[Figure]:
    for share, of in (
        ("half", lambda one: one.half),
        ("99 of 100", lambda one: one.most),
    ):
        waits = {who: median(map(of, each)) * 1000 for who, each in took.items()}
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
    inside, bare = _in_one_process(place, requests, rounds)
    yield Figure(
        name=f"signed for a nonce, {kind}, in one process",
        value=inside,
        unit="1/s",
        limit=bare,
        target=Target("at least", _OF_SIGNATURE, of_limit=True),
    )
    with ExitStack() as running:
        server = running.enter_context(place.server()).url
        constant = running.enter_context(place.server("benchmarks.constant_server")).url
        _warm(server, place.requests(hot))
        load = Load.post(folder, "nonces", requests, "/ocsp")
        turns: dict[str, tuple[Load | OneByOne, str]] = {
            "jpki": (load, server),
            "constant": (load, constant),
        }
        peers = []
        if kind == "RSA-2048":
            openssl = OpenSSLPeer(folder, hot)
            url = running.enter_context(openssl.running())
            theirs = OneByOne(bodies=openssl.requests())
            peers.append(version("openssl"))
            turns[peers[0]] = (theirs, url)
        took = _in_turns(turns, rounds, seconds)
    rates = {name: median(one.rate for one in each) for name, each in took.items()}
    both = 1 / (1 / bare + 1 / rates["constant"])
    name = f"signed for a nonce, {kind}, over HTTP"
    target = Target("at least", _OF_SIGNATURE, of_limit=True)
    if kind == "RSA-2048":
        yield Figure(
            name=name, value=rates["jpki"], unit="1/s", limit=bare,
            peers={peer: rates[peer] for peer in peers}, target=target,
        )  # fmt: skip
    else:
        yield Figure(
            name=f"{name}, beside the bare signature",
            value=rates["jpki"], unit="1/s", limit=bare,
        )  # fmt: skip
        yield Figure(
            name=f"{name}, beside signature and constant octets",
            value=rates["jpki"], unit="1/s", limit=both, target=target,
        )  # fmt: skip
    yield from _waits(name, took, *peers)


def _in_one_process(
    place: Place, requests: Sequence[bytes], rounds: int
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
    found = current_responder(office, GOVERNOR, at=clock())
    assert found is not None
    signer = office.keyring.open(found[0].key_uri)
    basic = parse_response(answers.answer(requests[0], clock()).body).basic
    assert basic is not None
    length, count = len(basic.tbs) - 32, len(requests) // 10
    shortest = len(answers.answer(requests[0], clock()).body)

    def answer(number: int) -> None:
        for each in octets[number % 10 * count :][:count]:
            shortcut.begin_turn()
            given = shortcut(each, 0)
            assert given is not None
            assert len(given) > shortest

    def sign(number: int) -> None:
        for other in range(count):
            signer.sign(b"%016d%016d" % (number, other) + bytes(length))

    pair = neighbours(answer, sign, max(3, rounds * 2), process_time)
    office.store.close()
    return count / pair.first, count / pair.first * pair.ratio


def _first_asked(
    place: Place, folder: Path, serials: Sequence[int]
) -> Iterator[Figure]:
    """With a key of P-256: nearly all of it is looking up."""
    warm, rest = serials[:100], place.requests(serials[100:])
    load = Load.post(folder, "first", rest, "/ocsp")
    for connections in (1, 32):
        with place.server() as server:
            _warm(server.url, place.requests(warm))
            took = load.run(server.url, 1, connections=connections)
        # More would have been asked for again, and been known.
        assert took.rate < len(rest)
        name = f"first asked, P-256, over {connections} connections"
        yield Figure(name=name, value=took.rate, unit="1/s")
        yield from _waits(name, {"jpki": [took]})


def _in_turns(
    turns: Mapping[str, tuple[Load | OneByOne, str]], rounds: int, seconds: int
) -> Mapping[str, Sequence[Measured]]:
    took: dict[str, list[Measured]] = {name: [] for name in turns}
    for number in range(rounds):
        order = list(turns.items())
        for name, (load, url) in order if number % 2 else reversed(order):
            took[name].append(load.run(url, seconds))
    return took


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
