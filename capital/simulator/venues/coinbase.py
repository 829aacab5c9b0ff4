"""Coinbase Advanced. A request carries a token that a private key signed, for it alone.

Keys are EC (P-256) in PEM, or Ed25519 in Base64. Those that sign by HMAC, which Coinbase
has let expire, are still answered: they are what an account without a private key has.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from capital.domain.pools import Pool
from capital.simulator.endpoint import (
    Endpoint,
    Notice,
    PublicEndpoint,
    SimulatedVenue,
)
from capital.simulator.holdings import Holdings, added
from capital.simulator.markets import MarketPlace, now_milliseconds
from capital.simulator.refusals import Problem, refusals_of
from capital.simulator.signatures import (
    TOLERANCE_MILLISECONDS,
    KeyHolder,
    SignatureScheme,
    SignedRequest,
    algorithm_of,
    bearer_token,
    hmac_sha256,
    key_of_base64,
    key_of_pem,
    made_by,
    same,
    token_part,
)

_FIAT = frozenset({"USD", "EUR", "GBP"})


def _claimed_key(request: SignedRequest) -> str | None:
    name = token_part(request, 0).get("kid")
    return name if isinstance(name, str) and name else request.headers.get("CB-ACCESS-KEY") or None


def _problem(request: SignedRequest, holder: KeyHolder) -> Problem | None:
    if bearer_token(request):
        return _token_problem(request, holder)
    return _hmac_problem(request, holder)


def _token_problem(request: SignedRequest, holder: KeyHolder) -> Problem | None:
    signed, _, signature = bearer_token(request).rpartition(".")
    secret, claims = holder.api_secret, token_part(request, 1)
    key = key_of_pem(secret) or key_of_base64(secret)
    if key is None or token_part(request, 0).get("alg") != algorithm_of(key):
        return Problem.WRONG_SIGNATURE
    if not made_by(key, signature, signed):
        return Problem.WRONG_SIGNATURE
    begins, ends = (claims.get(name, 0) * 1000 for name in ("nbf", "exp"))
    # A clock that is behind has the token's two minutes, one that is ahead only a little.
    if not begins - TOLERANCE_MILLISECONDS <= request.received_at_milliseconds < ends:
        return Problem.STALE
    asked = f"{request.method} {request.headers.get('Host')}{request.path}"
    # One claim or a list of one, by the kind of key. ccxt takes https:// off and no other scheme.
    uris = [uri.replace("http://", "") for uri in claims.get("uris", [claims.get("uri", "")])]
    is_meant = uris == [asked] and claims.get("sub") == holder.api_key
    return None if is_meant else Problem.WRONG_SIGNATURE


def _hmac_problem(request: SignedRequest, holder: KeyHolder) -> Problem | None:
    signature = request.headers.get("CB-ACCESS-SIGN", "")
    timestamp = request.headers.get("CB-ACCESS-TIMESTAMP", "")
    if not signature:
        return Problem.NO_SIGNATURE
    if not timestamp.isdecimal() or request.is_stale(int(timestamp) * 1000):
        return Problem.STALE
    # Version 3 signs the path without its query.
    signed = timestamp + request.method + request.path + request.body
    expected = hmac_sha256(holder.api_secret, signed).hex()
    return None if same(expected, signature) else Problem.WRONG_SIGNATURE


def _money(amount: str, currency: str) -> Any:
    return {"value": amount, "currency": currency}


def _spot(holdings: Holdings) -> Any:
    accounts = [
        {
            "uuid": f"00000000-0000-0000-0000-{number:012d}",
            "name": f"{name} Wallet",
            "currency": name,
            "available_balance": _money(holdings.free_of(name, amount), name),
            "hold": _money(holdings.used_of(name), name),
            "type": "ACCOUNT_TYPE_FIAT" if name in _FIAT else "ACCOUNT_TYPE_CRYPTO",
            "default": name == holdings.currency,
            "active": True,
            "ready": True,
            "platform": "ACCOUNT_PLATFORM_CONSUMER",
        }
        for number, (name, amount) in enumerate(holdings.listed.items(), start=1)
    ]
    return {"accounts": accounts, "has_next": False, "cursor": "", "size": len(accounts)}


def _futures(holdings: Holdings) -> Any:
    """CFM counts in dollars, and shows a spot account's thousand beside its own."""
    if holdings.amounts.get(holdings.currency, "0") is None:
        return {"balance_summary": {}}
    wallet, spot = holdings.total, "1000"
    pnl = holdings.pnl_of(holdings.currency)
    both = added(wallet, spot)
    names = {
        "futures_buying_power": both,
        "total_usd_balance": both,
        "cbi_usd_balance": spot,
        "cfm_usd_balance": wallet,
        "total_open_orders_hold_amount": "0",
        "unrealized_pnl": pnl,
        "daily_realized_pnl": "0",
        "initial_margin": holdings.used_of(holdings.currency),
        "available_margin": both,
    }
    return {"balance_summary": {name: _money(amount, "USD") for name, amount in names.items()}}


def _time(now_milliseconds: int) -> Any:
    moment = datetime.fromtimestamp(now_milliseconds / 1000, UTC)
    return {"data": {"iso": moment.isoformat(), "epoch": now_milliseconds // 1000}}


def _product(product: str, **fields: Any) -> Any:
    return {
        "product_id": product,
        "quote_increment": "0.01",
        "is_disabled": False,
        "new": False,
        "status": "online",
        "cancel_only": False,
        "limit_only": False,
        "post_only": False,
        "trading_disabled": False,
        "auction_mode": False,
        "quote_name": "US Dollar",
        "quote_currency_id": "USD",
        "quote_display_symbol": "USD",
        "fcm_trading_session_details": None,
        "alias": "",
        "alias_to": [],
        "view_only": False,
        **fields,
    }


def _pair(base: str, most: str) -> Any:
    return _product(
        f"{base}-USD",
        product_type="SPOT",
        base_currency_id=base,
        base_increment="0.00000001",
        base_min_size="0.00000001",
        base_max_size=most,
        quote_min_size="1",
        quote_max_size="150000000",
        price_increment="0.01",
        display_name=f"{base}-USD",
        product_venue="CBE",
    )


def _contract(base: str, code: str, size: str) -> Any:
    """What is traded like a perpetual contract has a date far away."""
    return _product(
        f"{code}-20DEC30-CDE",
        product_type="FUTURE",
        base_currency_id="",
        base_increment="1",
        base_min_size="1",
        base_max_size="100000000",
        quote_min_size="0",
        quote_max_size="100000000",
        price_increment="5",
        display_name=f"{base} PERP",
        product_venue="FCM",
        future_product_details={
            "venue": "cde",
            "contract_code": code,
            "contract_expiry": "2030-12-20T16:00:00Z",
            "contract_size": size,
            "contract_root_unit": base,
            "contract_expiry_type": "EXPIRING",
            "contract_display_name": f"{base} PERP",
            "funding_interval": "3600s",
            "intraday_margin_rate": {
                "long_margin_rate": "0.1000185",
                "short_margin_rate": "0.1000008",
            },
            "overnight_margin_rate": {
                "long_margin_rate": "0.245625",
                "short_margin_rate": "0.306375",
            },
        },
    )


_PRODUCTS: Mapping[str, list[Any]] = {
    "": [_pair("BTC", "3400"), _pair("ETH", "42000")],
    "FUTURE": [_contract("BTC", "BIP", "0.01"), _contract("ETH", "ETP", "0.1")],
}
_BASE_OF = {
    product["product_id"]: product["base_currency_id"]
    or product["future_product_details"]["contract_root_unit"]
    for products in _PRODUCTS.values()
    for product in products
}


def _products(query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /api/v3/brokerage/market/products``, of spot where no kind is named."""
    products = _PRODUCTS.get(query.get("product_type", ""), [])
    return {"products": products, "num_products": len(products)}


def _trades(query: Mapping[str, str], place: MarketPlace) -> Any:
    """``GET /api/v3/brokerage/market/products/{product}/ticker``: the last trades."""
    product = query["product"]
    if product not in _BASE_OF:
        return None
    price = place.price(f"{_BASE_OF[product]}/USD")
    trade = {
        "trade_id": "1",
        "product_id": product,
        "price": price,
        "size": "0.001",
        "time": datetime.fromtimestamp(now_milliseconds() / 1000, UTC).isoformat(),
        "side": "BUY",
        "bid": "",
        "ask": "",
    }
    return {"trades": [trade], "best_bid": price, "best_ask": price}


SCHEME = SignatureScheme(claimed_key=_claimed_key, problem=_problem)
REFUSALS = refusals_of(
    lambda code, text, _now: {"errors": [{"id": code, "message": text}]},
    key=(401, "authentication_error", "invalid api key"),
    signature=(401, "authentication_error", "invalid signature"),
    stale=(401, "authentication_error", "request timestamp expired"),
    limited=("rate_limit_exceeded", "Too many requests"),
    broken=("internal_server_error", "Internal server error"),
)
BALANCES = tuple(
    Endpoint("coinbase", pool, path, SCHEME, REFUSALS, build)
    for pool, path, build in (
        (Pool.SPOT, "/api/v3/brokerage/accounts", _spot),
        (Pool.FUTURES, "/api/v3/brokerage/cfm/balance_summary", _futures),
    )
)
NOTICES = (
    Notice(
        "/api/v3/brokerage/key_permissions",
        lambda _now: {},
        scheme=SCHEME,
        refusals=REFUSALS,
        of_account=lambda account: {"can_view": True, "can_transfer": account.can_withdraw},
    ),
    Notice("/v2/time", _time),
)
MARKETS = (
    PublicEndpoint("/api/v3/brokerage/market/products", _products),
    PublicEndpoint("/api/v3/brokerage/market/products/{product}/ticker", _trades),
)


VENUES = (SimulatedVenue("coinbase", balances=BALANCES, markets=MARKETS, notices=NOTICES),)
