"""Stories of whole installations: `make test-scenarios` runs them, and `make test` does not."""

import pytest


@pytest.fixture
def anyio_backend():
    return "asyncio"
