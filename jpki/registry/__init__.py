"""The resident register as the certification authorities see it.

Changes (異動) are recorded as an ordered feed, and the four items are provided to the
authority that asks for them.
"""

from jpki.registry.changes import Change
from jpki.registry.feed import Feed
from jpki.registry.provision import Provided, provide
from jpki.registry.recording import Recorded, record_event
from jpki.registry.seeding import seed, seed_residents

__all__ = [
    "Change",
    "Feed",
    "Provided",
    "Recorded",
    "provide",
    "record_event",
    "seed",
    "seed_residents",
]
