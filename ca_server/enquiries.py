"""What counters ask of the authorities beside the steps of one application.

Codes of residents stand in bodies, never in paths, which others may log.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from flask import Blueprint

from ca_server.documents import (
    as_time,
    holding_document,
    issued_document,
    open_application_document,
)
from jpki.authority.counter.holdings import enquire, open_applications
from jpki.authority.counter.surrender import surrender
from jpki.authority.issuing.issuance import issued_for
from jpki.authority.office import Office
from jpki.model.codes import ResidentCode
from jpki.model.operators import Caller
from jpki.service.answers import Answer, json_answer
from jpki.strict_json import Fields

__all__ = ["add_enquiries"]


def add_enquiries(
    routes: Blueprint,
    office: Office,
    *,
    caller: Callable[[], Caller],
    instant: Callable[[], datetime],
    fields: Callable[[str], Fields],
) -> None:
    """Add the routes.

    Args:
        routes: of the server.
        office: the authorities.
        caller: who signed the current request.
        instant: the one that it is served at.
        fields: the members of its JSON body, named for complaints.
    """

    @routes.get("/applications")
    def under_way() -> Answer:
        """What is open at the caller's own counter."""
        found = open_applications(office, by=caller())
        listed = [open_application_document(record) for record in found]
        return json_answer({"applications": listed})

    @routes.get("/applications/<application>/certificate")
    def again(application: str) -> Answer:
        """What was issued, for a counter that was interrupted."""
        return json_answer(
            issued_document(issued_for(office, application, by=caller()))
        )

    @routes.post("/enquiries")
    def holdings() -> Answer:
        """What a resident has."""
        by, asked = caller(), fields("the enquiry")
        resident = asked.need("resident", str, ResidentCode)
        asked.done()
        at = instant()
        found = enquire(office, resident, at=at, by=by)
        return json_answer(
            {
                "at": as_time(at),
                "certificates": [
                    holding_document(held, at) for held in found.certificates
                ],
                "applications": [
                    open_application_document(record) for record in found.applications
                ],
            }
        )

    @routes.post("/surrenders")
    def surrendered() -> Answer:
        """返納: everything of this resident ends."""
        by, told = caller(), fields("the surrender")
        resident = told.need("resident", str, ResidentCode)
        card = told.need("card", str, str)
        told.done()
        ended = surrender(office, resident, card, at=instant(), by=by)
        return json_answer(
            {
                "revoked": [
                    {
                        "authority": entry.authority,
                        "serial": f"{entry.serial:x}",
                        "revoked_at": as_time(entry.revoked_at),
                    }
                    for entry in ended.revoked
                ],
                "cancelled": [found.id for found in ended.cancelled],
            }
        )
