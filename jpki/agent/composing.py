"""An agent from its settings: everything checked before it listens."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from threading import Event
from typing import Final

from jpki.agent.app import Agent
from jpki.agent.desk import Desk
from jpki.agent.opening import open_in_browser, opener_with
from jpki.agent.origins import allowed_origins, loopback_address
from jpki.agent.settings import TERMINAL, AgentSettings
from jpki.agent.signing import OpenCard
from jpki.agent.terminal import meet_in_terminal
from jpki.agent.window import Windows
from jpki.cards.pcsc import readers
from jpki.cards.places import CardPlace, open_place
from jpki.errors import CardError
from jpki.model.ports import Clock, Random

__all__ = ["agent_of", "card_in"]

_TERMINAL: Final = Path("/dev/tty")


def agent_of(
    settings: AgentSettings,
    *,
    place: CardPlace,
    clock: Clock,
    random: Random,
    stop: Event,
    user: int,
    version: str,
    file: str = "command line",
    open_card: OpenCard | None = None,
    terminal: Path = _TERMINAL,
) -> Agent:
    """Put it together.

    Args:
        settings: what was set.
        place: which card.
        clock: the signatures' claim of when.
        random: makes tokens.
        stop: set when it ends.
        user: whose agent it is.
        version: of this program.
        file: where the settings come from, for complaints.
        open_card: connects to the card; from its place by default.
        terminal: on which confirmations are shown, where they are.

    Raises:
        ConfigurationError: an origin is none, there is none, or the address could be
            reached from elsewhere.
    """
    loopback_address(settings.host, file=file)
    origins = allowed_origins(settings.allowed_origins, file=file)
    windows = None
    if settings.confirm == TERMINAL:
        meet = partial(meet_in_terminal, device=terminal, phrase=settings.phrase)
    else:
        program = settings.open_with
        show = open_in_browser if program is None else opener_with(program)
        windows = Windows(show, random)
    desk = Desk(
        meet=meet if windows is None else windows.meet,
        open_card=open_card or partial(open_place, place),
        clock=clock,
        patience=settings.patience_seconds,
        stop=stop,
    )
    return Agent(
        desk=desk,
        windows=windows,
        origins=origins,
        card_is_there=partial(card_in, place),
        user=user,
        version=version,
        language=settings.language,
        phrase=settings.phrase,
    )


def card_in(place: CardPlace) -> bool:
    """Whether there is a card, as far as can be seen without touching it."""
    if place.file is not None:
        return place.file.is_file()
    try:
        known = readers()
    except CardError:
        return False
    return any(
        reader.atr is not None
        for reader in known
        if place.reader in (None, reader.name)
    )
