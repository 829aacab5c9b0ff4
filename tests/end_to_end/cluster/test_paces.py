"""Several processes of one address ask an exchange for no more than it allows one address."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from capital.exchange.venues import get_venue
from tests.end_to_end.cluster.stage import Stage

# More than the limit allows one process, in each of them.
ACCOUNTS = 600
PROCESSES = 2


@pytest.mark.waits
def test_processes_share_what_an_exchange_allows_their_address(stage: Stage) -> None:
    stage.open_accounts(ACCOUNTS)
    stage.settings |= {"CAPITAL_EGRESS": "one-address", "CAPITAL_LIVE_CONCURRENCY": "50"}

    with ThreadPoolExecutor(PROCESSES) as processes:
        for done in [
            processes.submit(stage.manage, "run_job", "sync_balances", check=False)
            for _ in range(PROCESSES)
        ]:
            assert "Traceback" not in done.result().stderr

    # Both are over within a minute, so this is what came in one.
    venue = get_venue("binance")
    for pool in venue.pools(venue.usual_wallet_mode):
        call = venue.call(pool, "USDT")
        assert call.pace.weight_per_minute is not None
        most = call.pace.weight_per_minute // call.weight
        asked = [request for request in stage.exchange.requests if request.pool == pool.value]
        assert most * 0.8 <= len(asked) <= most
