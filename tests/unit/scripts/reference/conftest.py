from collections.abc import Iterator

import pytest

from tests.unit.scripts.reference.publisher import Publisher, publisher


@pytest.fixture
def site() -> Iterator[Publisher]:
    with publisher() as running:
        yield running
