"""One installation whose servers are stopped, killed and started again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.installation import Installation, running_installation


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Its servers run, and every test leaves them running."""
    with running_installation(tmp_path_factory.mktemp("faults") / "site") as made:
        yield made
