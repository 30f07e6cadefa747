"""One installation for all tests of the servers; none leaves it other than it was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.installation import Installation, running_installation


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Two governors' authorities, a bridge, and three running servers."""
    with running_installation(tmp_path_factory.mktemp("servers") / "site") as made:
        yield made


@pytest.fixture
def books_agree(installation: Installation) -> Iterator[None]:
    """Whatever a test did: the log verifies and every serial is accounted for."""
    yield
    installation.check_books()
