"""What the commands of this group share: the workstation, the resident, the words."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

from jpki.authority.workstation import Workstation
from jpki.cards.places import open_place
from jpki.cards.session import CardSession
from jpki.cli.language import Words
from jpki.errors import JpkiError
from jpki.model.codes import ResidentCode
from jpki.model.purposes import Purpose
from jpki.service.workstation import (
    WorkstationConfiguration,
    load,
    open_workstation,
)

__all__ = [
    "Counter",
    "ResidentType",
    "config_option",
    "password_file",
    "purpose_option",
    "resident_argument",
    "state_word",
    "teller",
    "word",
]

_WORDS: Final = {
    "signature": ("署名用", "signature"),
    "authentication": ("利用者証明用", "authentication"),
    "new": ("住民が決める新しい暗証番号", "new password, typed by the resident"),
    "resident": ("住民票コード", "resident record code"),
    "filed": ("申請を受け付けました", "application filed"),
    "taken-up": (
        "受付済みの申請を引き継ぎました",
        "open application taken up",
    ),
    "key-generated": ("カードで鍵ペアを生成しました", "key pair made on the card"),
    "key-found": ("カードの鍵ペアを確認しました", "key pair found on the card"),
    "password-set": ("暗証番号を設定しました", "password set"),
    "issued": ("電子証明書が発行されました", "certificate issued"),
    "written": (
        "電子証明書をカードに書き込みました",
        "certificate written onto the card and read back",
    ),
    "delivered": ("交付を記録しました", "delivery recorded"),
    "revoked": ("電子証明書を失効しました", "certificates revoked"),
    "erased": ("カードの内容を消去しました", "card erased"),
    "cancelled": ("申請を取り消しました", "application cancelled"),
    "open": (
        "申請は受付済みのままです。同じコマンドで続きから再開できます"
        "（取消しは jpki counter cancel）",
        "the application stays open: give the same command again to go on, "
        "or jpki counter cancel",
    ),
    "card": ("カード", "card"),
    "no-card": ("カードなし", "no card"),
    "applications": ("処理中の申請", "open applications"),
    "none": ("ありません", "none"),
    "certificates": ("電子証明書", "certificates"),
    "live": ("有効", "in force"),
    "expired": ("期限切れ", "expired"),
    "until": ("有効期限 {day}", "until {day}"),
    "renewable": ("{day}から更新できます", "can be renewed from {day}"),
    "renews": ("更新", "renewal"),
    "first": ("新規・再発行", "new"),
    "tries": ("残り{left}回", "{left} tries left"),
    "blocked": ("閉塞または未設定", "blocked, or not set"),
    "sure": (
        "カード {card} の電子証明書をすべて失効し、カードを消去します。よろしいですか",
        "Revoke all certificates of this resident and erase card {card}?",
    ),
    "surrendered": (
        "返納を処理しました: 失効{count}件",
        "card taken back: {count} certificates revoked",
    ),
    "reset": (
        "暗証番号を再設定しました（残り{tries}回）",
        "password reset ({tries} tries)",
    ),
    "written-file": ("{file} を書きました", "wrote {file}"),
    "secret": ("カード発行者の鍵: {file}", "secret of the cards' issuer: {file}"),
}

_STATES: Final = {
    "filed": ("受付済", "filed"),
    "issuing": ("発行中", "being issued"),
    "issued": ("発行済・未交付", "issued, not delivered"),
}

_REASONS: Final = {
    "affiliationChanged": ("記載事項の変更により失効", "revoked: items changed"),
    "superseded": ("更新により失効", "revoked: renewed"),
    "cessationOfOperation": ("失効申請・返納により失効", "revoked: given up"),
    "keyCompromise": ("鍵の漏えいにより失効", "revoked: key compromised"),
    "certificateHold": ("一時保留", "on hold"),
    "unspecified": ("交付前に破棄", "discarded before delivery"),
}


word = Words(_WORDS | _REASONS, open_ended=True)
"""A reason without words is told as it is."""
state_word = Words(_STATES, open_ended=True)
"""Of an open application."""


class ResidentType(click.ParamType[ResidentCode]):
    """Eleven digits; `-` asks for them."""

    name = "resident"

    def convert(
        self,
        value: object,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> ResidentCode:
        """Read it, or ask for it."""
        text = str(value)
        if text == "-":
            # Not on the command line, which other users of this machine may read.
            if sys.stdin.isatty():
                text = click.prompt(word("resident"), hide_input=True, err=True)
            else:
                text = sys.stdin.readline()
        try:
            return ResidentCode(text.strip().replace("-", "").replace(" ", ""))
        except JpkiError as error:
            self.fail(error.message, param, ctx)


resident_argument = click.argument("resident", type=ResidentType())
config_option = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("counter.toml"),
    show_default=True,
    envvar="JPKI_COUNTER",
    help="The file that `jpki counter setup` wrote.",
)
purpose_option = click.option(
    "--purpose",
    type=click.Choice([purpose.value for purpose in Purpose]),
    default=Purpose.SIGNATURE.value,
    show_default=True,
    help="Which of the card's two keys.",
)
password_file = click.option(
    "--new-pin-file",
    type=click.File("r", encoding="utf-8"),
    help="Its first line is the new password (- is standard input); otherwise the "
    "resident types it, twice.",
)


class Counter:
    """One workstation, opened for one command."""

    def __init__(self, config: Path, card: str | None = None) -> None:
        self._configuration: WorkstationConfiguration = load(config, os.environ)
        self._card = card
        self.station: Workstation = open_workstation(self._configuration)

    def session(self) -> CardSession:
        """A session with the card.

        Raises:
            CardError: there is none, or not of a kind that is known.
        """
        return CardSession(open_place(self._configuration.place(self._card)))


def teller(points: list[str], *, quiet: bool) -> Callable[[str], None]:
    """Tells each point as it is passed, and remembers it."""

    def told(point: str) -> None:
        points.append(point)
        if not quiet:
            click.echo(f"{click.style('✓', fg='green')} {word(point)}")

    return told
