"""Simulated accounts: one set of keys on one simulated venue, what it holds and how it fails."""

import re
from dataclasses import dataclass, field
from typing import Any

from capital.domain.pools import Pool
from capital.simulator.errors import SimulatorError
from capital.simulator.faults import Fault, StandingFault
from capital.simulator.venues import VENUES, pools_of_venue

_AMOUNT = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_TEXTS = ("name", "venue", "currency", "api_key", "api_secret", "api_passphrase")
_AMOUNTS = ("wallets", "unrealised", "in_use")
_ENTRY_FIELDS = frozenset({*_TEXTS, *_AMOUNTS, "recorded", "traded", "faults"})
_FAULT_FIELDS = frozenset({"pool", "fault", "times"})


@dataclass(kw_only=True)
class SimulatedAccount:
    """One account of one venue.

    Attributes:
        venue: The ccxt id.
        api_key: What its requests name; no other account has it.
        api_secret: What they are signed with.
        api_passphrase: Besides the secret, where the venue has one.
        currency: The one that it is kept in.
        name: For people.
        wallets: Pool to currency to amount, a plain decimal string such as ``"10369.00"``.
        unrealised: Pool to currency to the PnL of what is open there.
        in_use: Pool to currency to what orders and positions hold.
        recorded: Pool to a body that is served instead of a built one: text as it is,
            anything else as JSON. While an amount fault stands, the built one is served.
        faults: Pool to what stands there: a ``StandingFault``, or a ``Fault`` or its name until
            cleared. Pools without one work.

        traded: Fills and flows, as ``trading.script`` reads them, that lie behind the amounts.

        account_mode: What the venue says of it, in its own words.
        can_withdraw: Whether the venue says that its key may.

    Raises:
        SimulatorError: A field does not fit the venue or the rules above.
    """

    venue: str
    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    api_passphrase: str = field(default="", repr=False)
    currency: str = "USDT"
    name: str = ""
    wallets: dict[str, dict[str, str]] = field(default_factory=dict)
    unrealised: dict[str, dict[str, str]] = field(default_factory=dict)
    in_use: dict[str, dict[str, str]] = field(default_factory=dict)
    recorded: dict[str, Any] = field(default_factory=dict, repr=False)
    faults: dict[str, StandingFault] = field(default_factory=dict)
    traded: list[dict[str, Any]] = field(default_factory=list, repr=False)
    account_mode: str = ""
    can_withdraw: bool = False

    def __post_init__(self) -> None:
        if self.venue not in VENUES:
            raise SimulatorError(
                f"unknown venue {self.venue!r}; use one of {', '.join(sorted(VENUES))}."
            )
        for name in ("api_key", "api_secret", "currency"):
            if not getattr(self, name):
                raise SimulatorError(f"{name} must not be empty.")
        needs_passphrase = any(
            balance.scheme.needs_passphrase for balance in VENUES[self.venue].balances
        )
        if needs_passphrase and not self.api_passphrase:
            raise SimulatorError(f"an account on {self.venue} needs an api_passphrase.")
        self.name = self.name or f"a {self.venue} account"
        for name in _AMOUNTS:
            setattr(self, name, self._amounts(getattr(self, name)))
        self.recorded = {self.pool_named(pool): body for pool, body in self.recorded.items()}
        standing, self.faults = self.faults, {}
        for pool, fault in standing.items():
            self._stand(fault, [self.pool_named(pool)])

    @property
    def pools(self) -> tuple[Pool, ...]:
        """Those that its venue answers for; with a unified wallet, that one alone."""
        pools = pools_of_venue(self.venue)
        if len(pools) == 1:
            return pools
        is_unified = any(Pool.UNIFIED in named for named in (self.wallets, self.recorded))
        return tuple(pool for pool in pools if (pool is Pool.UNIFIED) is is_unified)

    def _amounts(self, pools: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        return {
            self.pool_named(pool): {name: amount_of(text) for name, text in amounts.items()}
            for pool, amounts in pools.items()
        }

    def pool_named(self, text: str) -> Pool:
        """The pool of this account that is called ``text``."""
        if text not in self.pools:
            raise SimulatorError(
                f"{self.venue} has no pool {text!r}; use {' or '.join(self.pools)}."
            )
        return Pool(text)

    def set_fault(
        self, fault: Fault | str | None, *, pool: str | None = None, times: int | None = None
    ) -> None:
        """Put ``fault`` on ``pool``, or on all pools, in place of what stands there.

        Args:
            fault: None clears.
            pool: None is every pool of the account.
            times: Requests until it is over, over all those pools together; None is until
                cleared.
        """
        pools = list(self.pools) if pool is None else [self.pool_named(pool)]
        if fault is None:
            if times is not None:
                raise SimulatorError("times without a fault; name the fault, or leave times out.")
            for each in pools:
                self.faults.pop(each, None)
            return
        self._stand(StandingFault(fault_of(fault), times_of(times)), pools)

    def _stand(self, fault: StandingFault | Fault | str, pools: list[Pool]) -> None:
        standing = fault if isinstance(fault, StandingFault) else StandingFault(fault_of(fault))
        self.faults.update(dict.fromkeys(pools, standing))


def account_from_entry(entry: Any) -> SimulatedAccount:
    """The account that one entry of a file describes.

    Raises:
        SimulatorError: The entry is wrong; says what it must be like.
    """
    _check_fields(entry)
    account = SimulatedAccount(
        **{name: entry.get(name, "") for name in _TEXTS},
        **{name: entry.get(name, {}) for name in _AMOUNTS},
        recorded=entry.get("recorded", {}),
        traded=entry.get("traded", []),
    )
    for fault in entry.get("faults", []):
        if not isinstance(fault, dict) or "fault" not in fault or set(fault) - _FAULT_FIELDS:
            raise SimulatorError('a fault must be like {"pool": "spot", "fault": "timeout"}.')
        account.set_fault(fault["fault"], pool=fault.get("pool"), times=fault.get("times"))
    return account


def _check_fields(entry: Any) -> None:
    """Whether each field is there to read; what it says is checked by the account."""
    if not isinstance(entry, dict):
        raise SimulatorError("must be an object.")
    unknown = sorted(set(entry) - _ENTRY_FIELDS)
    if unknown:
        raise SimulatorError(
            f"unknown field {unknown[0]!r}; use {', '.join(sorted(_ENTRY_FIELDS))}."
        )
    for name in _TEXTS:
        if not isinstance(entry.get(name, ""), str):
            raise SimulatorError(f"{name} must be text.")
    for name in _AMOUNTS:
        if not _maps_to_mappings(entry.get(name, {})):
            raise SimulatorError(f'{name} must be like {{"spot": {{"USDT": "10.00"}}}}.')
    if not isinstance(entry.get("recorded", {}), dict):
        raise SimulatorError("recorded must map a pool to a body.")
    traded = entry.get("traded", [])
    if not isinstance(traded, list) or not all(isinstance(each, dict) for each in traded):
        raise SimulatorError("traded must be a list of fills and flows.")
    if not isinstance(entry.get("faults", []), list):
        raise SimulatorError('faults must be a list like [{"pool": "spot", "fault": "timeout"}].')


def _maps_to_mappings(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(each, dict) for each in value.values())


def amount_of(text: Any) -> str:
    """``text``, if it is a plain decimal string."""
    if not isinstance(text, str) or not _AMOUNT.fullmatch(text):
        raise SimulatorError(f'amount {text!r} must be a plain decimal string such as "10369.00".')
    return text


def fault_of(text: Any) -> Fault:
    """The fault called ``text``."""
    try:
        return Fault(text)
    except ValueError:
        raise SimulatorError(f"unknown fault {text!r}; use one of {', '.join(Fault)}.") from None


def times_of(times: Any) -> int | None:
    """``times``, if it is None or a count."""
    if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 1):
        raise SimulatorError("times must be a whole number of requests, 1 or more, or left out.")
    return times
