"""What the tests of `make test-bridge` share."""

import pytest


@pytest.fixture
def anyio_backend():
    return "asyncio"
