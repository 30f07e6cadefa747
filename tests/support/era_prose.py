"""Parts of the documentation that tell what the packaged eras and profiles say."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from jpki import data
from jpki.authority.office.identifiers import has_bridge
from jpki.data.files import FOLDER
from jpki.model.calendar import JST
from jpki.model.eras import Act, Era, Window
from jpki.model.profiles import CertificateProfile, CRLProfile, Validity
from jpki.model.serials import SerialScheme

__all__ = ["algorithm_table", "era_sections", "pki_picture", "profile_tables"]

_ROLES: Final = {
    "authority": "authorities",
    "bridge": "the bridge",
    "cross": "cross certificates",
    "responder": "OCSP responders",
    "operator": "operators",
    "signature": "residents, signature",
    "authentication": "residents, authentication",
}
_SUBSCRIBERS: Final = ("signature", "authentication")
_CARDS: Final = {
    "juki": "Juki card (住民基本台帳カード)",
    "my-number": "My Number card (個人番号カード)",
    "next-gen": "next card (次期個人番号カード)",
}
_SERIALS: Final = {
    SerialScheme.MODERN: "at random, at least 64 bits (`modern`)",
    SerialScheme.JPKI_COMPAT: "counted in four octets (`jpki-compat`)",
}


def algorithm_table() -> str:
    """Every suite: from when until when it may issue, sign and be verified."""
    rows = ["| suite | issue | sign | be verified | source |", "|---|---|---|---|---|"]
    remarks = _toml("algorithms.toml")
    for suite, rule in data.algorithm_rules().items():
        doubts = remarks[suite].get("unconfirmed", [])
        cells = [
            _window(rule.windows[act]) + ("*" if act.value in doubts else "")
            for act in Act
        ]
        rows.append(f"| `{suite}` | {' | '.join(cells)} | {rule.source} |")
    return "\n".join(rows)


def era_sections() -> str:
    """One section for each era, in their order."""
    parts: list[str] = []
    for era in sorted(data.eras().values(), key=lambda era: era.begins):
        parts += [f"### {era.id}: {era.title}", "", *_facts(era), "", *_suites(era), ""]
    return "\n".join(parts).rstrip()


def _facts(era: Era) -> Iterator[str]:
    until = "" if era.ends is None else f" {era.ends:%Y-%m-%d}"
    yield f"- **In service:** {era.begins:%Y-%m-%d} –{until}"
    shape = (
        "47 governors' authorities, cross-certified with a bridge"
        if has_bridge(era)
        else "one national authority for each kind of certificate"
    )
    yield f"- **Authorities:** {shape}"
    if era.generations:
        days = ", ".join(f"{at.astimezone(JST):%Y-%m-%d}" for at in era.generations)
        yield f"- **Their keys**, all under one name, since {days} (Japan)"
    yield f"- **Card:** {_CARDS[era.card]}"
    yield f"- **Serial numbers:** {_SERIALS[era.serials]}"
    for role in _SUBSCRIBERS:
        if role in era.profiles:
            profile = data.certificate_profile(era.profiles[role])
            yield f"- **{_ROLES[role].capitalize()}:** {_validity(profile.validity)}"
    yield f"- **Source:** {era.source}"
    doubts = _toml(f"era_files/{era.id}.toml").get("unconfirmed")
    if doubts is True:
        yield "- **Not confirmed** by any public source: all of it"
    elif doubts:
        named = ", ".join(f"`{doubt}`" for doubt in doubts)
        yield f"- **Not confirmed** by any public source: {named}"


def _suites(era: Era) -> Iterator[str]:
    yield "| who | suite | issues or is certified | signs | verified |"
    yield "|---|---|---|---|---|"
    for role, suite in era.suites.items():
        windows = era.rules[suite].windows
        cells = " | ".join(_window(windows[act]) for act in Act)
        yield f"| {_ROLES[role]} | `{suite}` | {cells} |"
    others = sorted(set(era.rules) - set(era.suites.values()))
    for suite in others:
        window = _window(era.rules[suite].windows[Act.VERIFY])
        yield f"| met, of other times | `{suite}` | – | – | {window} |"


def _window(window: Window) -> str:
    begins, ends = (
        None if at is None else f"{at.astimezone(JST):%Y-%m-%d}"
        for at in (window.begins, window.ends)
    )
    if begins is None:
        return "no limit" if ends is None else f"until {ends}"
    return f"from {begins}" if ends is None else f"{begins} to {ends}"


def _validity(validity: Validity) -> str:
    if validity.birthdays:
        renewed = validity.birthdays_on_renewal
        told = f"to the holder's {_ordinal(validity.birthdays)} birthday"
        if renewed != validity.birthdays:
            told += f", when renewed the {_ordinal(renewed)}"
        return told
    years = f"{validity.years} years" if validity.years > 1 else "1 year"
    days = f"{validity.days} days"
    return " and ".join(
        part
        for part, count in ((years, validity.years), (days, validity.days))
        if count
    )


def _ordinal(number: int) -> str:
    words = {3: "third", 5: "fifth", 6: "sixth", 10: "tenth"}
    return words.get(number, f"{number}th")


def profile_tables() -> str:
    """Every certificate and list: how long, and with which extensions."""
    rows = ["| certificate | valid | extensions, critical ones bold |", "|---|---|---|"]
    for name in data.certificate_profiles():
        profile = data.certificate_profile(name)
        rows.append(
            f"| {profile.title} (`{name}`) | {_validity(profile.validity)} "
            f"| {_extensions(profile, f'certificate_profiles/{name}.toml')} |"
        )
    rows += ["", "| list | new every | holds for | extensions, critical ones bold |"]
    rows.append("|---|---|---|---|")
    for name in data.crl_profiles():
        crl = data.crl_profile(name)
        hours = [
            f"{int(span.total_seconds()) // 3600} hours"
            for span in (crl.period, crl.lifetime)
        ]
        extensions = _extensions(crl, f"crl_profiles/{name}.toml")
        rows.append(f"| {crl.title} (`{name}`) | {' | '.join(hours)} | {extensions} |")
    return "\n".join(rows)


def _extensions(profile: CertificateProfile | CRLProfile, file: str) -> str:
    kinds = [item["kind"] for item in _toml(file)["extension"]]
    return ", ".join(
        f"**{kind}**" if rule.critical else kind
        for kind, rule in zip(kinds, profile.extensions, strict=True)
    )


def _toml(file: str) -> Mapping[str, Any]:
    return tomllib.loads((FOLDER / file).read_text("utf-8"))


def pki_picture() -> str:
    """Who certifies whom, before and after 2016, for Mermaid."""
    places = data.prefectures()
    lines = ["```mermaid", "flowchart TB"]
    lines.append('    subgraph before["Prefectural eras"]')
    lines.append('        bridge(("Bridge<br>ブリッジ認証局"))')
    for code in ("08", "13"):
        place = places[code]
        lines.append(
            f'        g{code}["Governor<br>{place.name}知事"] <-->|"cross"| bridge'
        )
        lines.append(f'        g{code} --> p{code}("resident of {place.romaji}")')
    lines.append(f'        more["… {len(places) - 2} more"] <-->|"cross"| bridge')
    lines.append("    end")
    era = data.era("jlis")
    lines.append('    subgraph after["National era: two authorities like this"]')
    keys = era.generations
    for number, at in enumerate(keys, 1):
        lines.append(
            f'        k{number}["National authority<br>key {number}, '
            f'{at.astimezone(JST):%Y}"]'
        )
        lines.append(f'        k{number} --> c{number}("residents")')
    for number in range(1, len(keys)):
        lines.append(f'        k{number} <-.->|"link"| k{number + 1}')
    lines += ["    end", "```"]
    return "\n".join(lines)
