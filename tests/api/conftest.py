"""Rates start from zero with every test."""

from collections.abc import Iterator

import pytest
from django.core.cache import caches


@pytest.fixture(autouse=True)
def _fresh_rates() -> Iterator[None]:
    caches["throttles"].clear()
    yield
    caches["throttles"].clear()
