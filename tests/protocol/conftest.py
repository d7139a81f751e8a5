"""An empty table of engines for each test."""

import pytest

from tests.protocol.table import Table


@pytest.fixture
def table() -> Table:
    """An empty table."""
    return Table()
