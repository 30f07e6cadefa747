"""What the resident register reports: 異動 as an ordered feed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum

from jpki.model.codes import MunicipalityCode, ResidentCode

__all__ = ["EventKind", "RegistryEvent"]


class EventKind(Enum):
    """異動事由, as far as they matter to certificates. Values are the feed's words."""

    BIRTH = "birth"
    """出生"""
    MOVE_IN = "move-in"
    """転入"""
    MOVE_WITHIN = "move-within"
    """転居: a new address in the same municipality."""
    MOVE_OUT = "move-out"
    """国内転出"""
    EMIGRATION = "emigration"
    """国外転出"""
    DEATH = "death"
    """死亡"""
    ERASURE = "erasure"
    """職権消除"""
    NAME_CHANGE = "name-change"
    """氏名の変更 (marriage, adoption, court order)."""
    CORRECTION = "correction"
    """職権修正 / 誤記修正 of one of the four items."""
    HOUSEHOLD_CHANGE = "household-change"
    """世帯変更; touches none of the four items."""
    CODE_CHANGE = "code-change"
    """住民票コードの変更; touches none of the four items."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryEvent:
    """異動等情報: one change, as it goes to the certification authority.

    It tells that and why a record changed, not what it says now: whoever may know
    asks the register.
    """

    sequence: int
    """Position in the feed: 1, 2, 3, … without gaps."""
    event_id: str
    """UUID, the same for every delivery of this event."""
    kind: EventKind
    resident: ResidentCode
    municipality: MunicipalityCode
    """Where the change was accepted."""
    effective_on: date
    """異動日, a calendar day in Japan."""
    recorded_at: datetime
    """When the register recorded it, UTC."""
    succeeded_by: ResidentCode | None = None
    """The new code after a change of code: certificates must follow their holder."""
