"""The person in front of a terminal: shown there, typed there, nothing in a browser."""

from __future__ import annotations

import hashlib
import os
import select
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from jpki.agent.person import (
    LOOK_UP_SECONDS,
    Ending,
    Person,
    Question,
    Reply,
    Step,
    Turn,
)
from jpki.agent.wire import SignatureRequest
from jpki.agent.words import Words, words_in
from jpki.errors import ConfirmationCancelled, ConfirmationUnavailable
from jpki.model.purposes import Purpose

__all__ = ["Terminal", "meet_in_terminal"]

_MAX_LINE: Final = 256
_RULE: Final = "─" * 60


@contextmanager
def meet_in_terminal(
    turn: Turn, request: SignatureRequest, *, device: Path, phrase: str | None
) -> Iterator[Person]:
    """Use the terminal for this request.

    Raises:
        ConfirmationUnavailable: there is no terminal.
    """
    try:
        descriptor = os.open(device, os.O_RDWR | os.O_NOCTTY)
    except OSError as error:
        raise ConfirmationUnavailable(f"{device}: {error.strerror}") from None
    try:
        yield Terminal(descriptor, turn, words_in(request.language), phrase)
    finally:
        os.close(descriptor)


class Terminal:
    """A `Person` at a terminal."""

    def __init__(
        self, descriptor: int, turn: Turn, words: Words, phrase: str | None
    ) -> None:
        self._descriptor = descriptor
        self._turn = turn
        self._words = words
        self._phrase = phrase

    def ask(self, question: Question) -> Reply:
        """Print it and read a line.

        Raises:
            AgentError: the person cancelled, or there is no reason to wait any more.
        """
        words = self._words
        if question.complaint is not None:
            self._print(f"\n✕ {words.problem(question.complaint)}")
        if question.step is Step.PIN:
            if question.complaint is None:
                self._show(question)
            return Reply(pin=self._pin(question))
        if question.step is Step.AGREE and question.holder is not None:
            self._print(f"\n{words('holder')}: {words('holder_help')}")
            self._rows(words.items(question.holder))
            if question.holder.expired:
                self._print(f"✕ {words('expired')}")
            answer = self._line(words("ask_agree", table="terminal"))
            if answer.strip().lower() != words("yes", table="terminal"):
                raise ConfirmationCancelled
            return Reply()
        self._print(f"\n{words('insert')}  ({question.request.origin})")
        if self._line(words("ask_insert", table="terminal")).strip().lower() == "q":
            raise ConfirmationCancelled
        return Reply()

    def tell(self, ending: Ending) -> None:
        """Print how it ended."""
        words = self._words
        if ending.error is None:
            self._print(f"\n✓ {words.of('done', ending.request.purpose)}")
        else:
            said = words.problem(ending.error)
            self._print(f"\n✕ {words('not_done')}: {said}")

    def _show(self, question: Question) -> None:
        words, request, card = self._words, question.request, question.card
        assert card is not None
        self._print(f"\n{_RULE}\n{words.of('title', request.purpose)}")
        if self._phrase is not None:
            self._print(f"{words('phrase')}: {self._phrase}")
        self._print(f"\n{words.of('who', request.purpose)}\n  {request.origin}")
        self._print(f"  {words('who_help')}\n\n{words.of('what', request.purpose)}")
        if request.purpose is Purpose.SIGNATURE:
            self._print(f"  {words.document(request)}")
            size = f"{len(request.content):,} {words('octets')}"
            digest = hashlib.sha256(request.content).hexdigest()
            self._rows([(words("kind"), request.media_type), (words("size"), size)])
            self._rows([(words("digest"), digest)])
        if request.outline:
            self._rows(list(request.outline))
            self._print(f"  {words('source')}")
        text = words("pdf") if request.text is None else request.text
        self._print("".join(f"  │ {line}\n" for line in text.splitlines()))
        self._print(f"{words('meaning')}\n  {words(request.purpose.value)}\n")
        certificate = words(f"certificate_{request.purpose.value}")
        self._rows(
            [
                (words("card_kind"), f"{card.title}  {card.serial}"),
                (words("certificate"), certificate),
                *(() if card.holder is None else words.items(card.holder)),
                (words("tries"), words.tries(card)),
            ]
        )

    def _pin(self, question: Question) -> str:
        words, card = self._words, question.card
        assert card is not None
        label = words(f"pin_{question.request.purpose.value}")
        self._print(f"\n{label}  ({words.pin_form(card.rule)})")
        with self._unseen():
            typed = self._line(words("ask_pin", table="terminal"))
        self._print("")
        if not typed:
            raise ConfirmationCancelled
        return typed

    def _rows(self, rows: list[tuple[str, str]]) -> None:
        for label, value in rows:
            self._print(f"  {label}: {value}")

    def _print(self, text: str) -> None:
        self._write(f"{text}\n")

    def _write(self, text: str) -> None:
        octets = text.encode("utf-8", "replace")
        while octets:
            octets = octets[os.write(self._descriptor, octets) :]

    def _line(self, prompt: str) -> str:
        """What is typed until Enter; waits no longer than the turn lasts."""
        # What was typed before the question was seen is no answer to it.
        termios.tcflush(self._descriptor, termios.TCIFLUSH)
        self._write(prompt)
        while True:
            self._turn.check()
            ready, _, _ = select.select([self._descriptor], [], [], LOOK_UP_SECONDS)
            if ready:
                line = os.read(self._descriptor, _MAX_LINE)
                if not line:
                    raise ConfirmationCancelled
                return line.decode("utf-8", "replace").rstrip("\r\n")

    @contextmanager
    def _unseen(self) -> Iterator[None]:
        """Without the terminal's echo."""
        before = termios.tcgetattr(self._descriptor)
        silent = [*before]
        silent[3] = before[3] & ~termios.ECHO
        termios.tcsetattr(self._descriptor, termios.TCSADRAIN, silent)
        try:
            yield
        finally:
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, before)
