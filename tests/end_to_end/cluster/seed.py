"""Fill a fresh database: ``python -m tests.end_to_end.cluster.seed VENUE COUNT``.

In bulk, around ``save()`` and its signals: nothing is queued by it. Every account has two spot
strategies of weight 3 and 1, and on a venue with futures a futures strategy.
"""

import sys
from decimal import Decimal

SPOT_WEIGHTS = (Decimal(3), Decimal(1))


def key_of(number: int) -> str:
    """The API key of the account with this number, from 1 up."""
    return f"CANARY-cluster-key-{number}"


def secret_of(number: int) -> str:
    """Its secret."""
    return f"CANARY-cluster-secret-{number}"


def _seed(venue_id: str, size: int) -> None:
    from django.contrib.auth.models import User

    from capital.exchange.venues import get_venue
    from capital.models import Account, StrategyAccount
    from strategies.models import MarketType, Strategy

    venue = get_venue(venue_id)
    owner = User.objects.create(username="trader")
    weights = [(MarketType.SPOT, weight) for weight in SPOT_WEIGHTS]
    if MarketType.FUTURES in venue.markets:
        weights.append((MarketType.FUTURES, Decimal(1)))
    strategies = [
        (
            Strategy.objects.create(owner=owner, name=f"S{n}", key=f"s{n}", market_type=market),
            weight,
        )
        for n, (market, weight) in enumerate(weights, start=1)
    ]
    accounts = Account.objects.bulk_create(
        Account(
            owner=owner,
            name=f"Account {number:04}",
            venue=venue.id,
            currency=venue.currency,
            wallet_mode=venue.usual_wallet_mode,
            api_key=key_of(number),
            api_secret=secret_of(number),
            min_change_amount=Decimal(1),
            # These tests change balances as they like.
            max_jump_percent=None,
        )
        for number in range(1, size + 1)
    )
    StrategyAccount.objects.bulk_create(
        StrategyAccount(strategy=strategy, account=account, weight=weight)
        for account in accounts
        for strategy, weight in strategies
    )


if __name__ == "__main__":
    import django

    django.setup()
    _seed(sys.argv[1], int(sys.argv[2]))
