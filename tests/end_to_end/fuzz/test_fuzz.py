"""The short form of ``make fuzz-api``, against the running server.

On PostgreSQL only, which is what is deployed and refuses more. It is one of the longest tests, and
``make fuzz-api`` is far longer, on either database.
"""

import pytest

from tests.end_to_end.cluster.databases import OwnDatabase
from tests.end_to_end.fuzz.run import fuzz, server_errors
from tests.end_to_end.fuzz.server import served


@pytest.mark.cluster
@pytest.mark.postgresql
def test_nothing_that_a_client_sends_breaks_the_api_or_its_description(
    template: OwnDatabase,
) -> None:
    with served(template=template) as server:
        code, said = fuzz(server, examples=4, phases="examples,fuzzing")

        assert code == 0, said[-6000:]
        assert server_errors(server) == []
        assert "No issues found" in said
