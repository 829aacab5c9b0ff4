"""Use the client that openapi-python-client generated: ``python use_python.py URL TOKEN LINK``.

Types are looked at, not only values: a generated client is worth what its types say.
"""

import sys
from decimal import Decimal

from capital_api import AuthenticatedClient
from capital_api.api.capital import capital_list
from capital_api.api.strategy_accounts import (
    strategy_accounts_reservations,
    strategy_accounts_retrieve,
    strategy_accounts_size,
)
from capital_api.models import (
    NewReservation,
    PaginatedCapitalList,
    Problem,
    ReservedSize,
    ReserveRequest,
    SideEnum,
    SizeOrderRequest,
    StrategyAccount,
)


def main() -> None:
    """Read, size, hold, and be refused."""
    url, token, link = sys.argv[1], sys.argv[2], int(sys.argv[3])
    client = AuthenticatedClient(base_url=url, token=token)

    row = strategy_accounts_retrieve.sync(link, client=client)
    assert isinstance(row, StrategyAccount)
    assert (row.id, type(row.account), type(row.weight)) == (link, int, str)

    page = capital_list.sync(client=client, strategy_account=link)
    assert isinstance(page, PaginatedCapitalList)
    assert Decimal(page.results[0].allocated_capital) == 3000

    order = SizeOrderRequest(symbol="BTC/USDT:USDT", side=SideEnum.BUY, qty_per="50", price="60000")
    size = strategy_accounts_size.sync(link, client=client, body=order)
    assert isinstance(size, ReservedSize), size
    assert (size.amount, size.code) == ("0.025", "sized"), size

    held = ReserveRequest(symbol="BTC/USDT:USDT", side=SideEnum.BUY, qty_per="50", price="60000")
    for times in (1, 2):
        made = strategy_accounts_reservations.sync_detailed(
            link, client=client, body=held, idempotency_key="generated-1"
        )
        assert isinstance(made.parsed, NewReservation), made
        assert isinstance(made.parsed.id, int)
        assert ("Idempotency-Replayed" in made.headers) is (times == 2)

    unknown = SizeOrderRequest(symbol="NO/SUCH", side=SideEnum.SELL, qty="1")
    problem = strategy_accounts_size.sync(link, client=client, body=unknown)
    assert isinstance(problem, Problem)
    assert (problem.status, problem.code) == (422, "unknown_symbol")
    print("The generated client works.")


if __name__ == "__main__":
    main()
