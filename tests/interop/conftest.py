"""What tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support.status_sites import StatusSite, status_site
from tests.support.status_table import ERAS


@pytest.fixture(scope="session")
def status_sites(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, StatusSite]]:
    """A running revocation service of every era."""
    with ExitStack() as stack:
        yield {
            era: stack.enter_context(status_site(era, tmp_path_factory.mktemp(era)))
            for era in ERAS
        }
