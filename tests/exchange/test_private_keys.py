"""Keys that sign by a private key: real ccxt, real HTTP, signatures verified with the public half.

In whatever form the secret was pasted.
"""

import logging
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import ccxt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    load_pem_private_key,
)

from capital.domain.balances import Observation
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.exchange.ccxt.balances import CcxtGateway
from capital.exchange.ccxt.clients import new_client
from capital.exchange.contract import KeyFacts
from capital.exchange.politeness import Politeness
from capital.exchange.venues import VENUES
from capital.simulator.server import SimulatedExchange
from capital.simulator.signatures import PrivateKey
from capital.simulator.state import ExchangeState, SimulatedAccount
from tests.exchange.asking import NOW, gateway_to, request_for, simulated_account
from tests.private_keys import (
    MANGLED,
    PKCS8,
    TRADITIONAL,
    base64_of,
    encrypted_pem_of,
    key_of,
    pem_of,
)

CDP_NAME = "organizations/5f0c8a2e-0000-4000-8000-000000000001/apiKeys/9a1b2c3d-0000-4000-8000-2"


def traditional(key: PrivateKey) -> str:
    return pem_of(key, TRADITIONAL)


@dataclass(frozen=True)
class Kind:
    """A kind of key that a venue gives out or takes."""

    venue: str
    algorithm: str
    text_of: Callable[[PrivateKey], str]
    pools: tuple[str, ...]
    name: str = ""

    def account(self, number: int = 1, pool: str = "") -> SimulatedAccount:
        pool = pool or self.pools[0]
        account = simulated_account(
            self.venue,
            wallets={pool: {VENUES[self.venue].currency: "1000.000000012"}},
            can_withdraw=True,
        )
        account.api_key = self.name or account.api_key
        account.api_secret = self.text_of(key_of(self.algorithm, number)).strip()
        return account


EC = Kind("coinbase", "ec", traditional, ("spot", "futures"), CDP_NAME)
BINANCE = ("spot", "futures", "unified")
KINDS = {
    "coinbase, EC": EC,
    "coinbase, EC in PKCS#8": replace(EC, text_of=pem_of),
    "coinbase, Ed25519": replace(EC, algorithm="ed25519", text_of=base64_of, name="9a1b2c3d-4e5f"),
    "binance, Ed25519": Kind("binance", "ed25519", pem_of, BINANCE),
    "binance, RSA": Kind("binance", "rsa", pem_of, BINANCE),
    "binance, RSA in PKCS#1": Kind("binance", "rsa", traditional, BINANCE),
    "bybit, RSA": Kind("bybit", "rsa", pem_of, ("unified",)),
}
IN_PEM = [name for name, kind in KINDS.items() if kind.text_of is not base64_of]


def ask_with(account: SimulatedAccount, pool: str, secret: str) -> tuple[Any, SimulatedExchange]:
    """The answer where ``secret`` is what our account has."""
    request = request_for(account, [pool])
    typed = replace(request.credentials, api_secret=secret)
    with SimulatedExchange(ExchangeState([account])) as server:
        answers = gateway_to(server).fetch_balances(
            [replace(request, credentials=typed)], clock=lambda: NOW
        )
    return answers[1, Pool(pool)], server


def code_of(answer: Any) -> Code:
    assert isinstance(answer, Reason)
    return answer.code


@pytest.mark.parametrize(
    ("name", "pool"), [(name, pool) for name, kind in KINDS.items() for pool in kind.pools]
)
def test_each_kind_of_key_reads_each_pool_to_the_last_digit(name: str, pool: str) -> None:
    account = KINDS[name].account(pool=pool)

    answer, server = ask_with(account, pool, account.api_secret)

    assert answer == Observation(Decimal("1000.000000012"), NOW)
    assert [request.pool for request in server.requests] == [pool]


@pytest.mark.parametrize("how", MANGLED)
@pytest.mark.parametrize("name", IN_PEM)
def test_key_signs_in_whatever_form_it_was_pasted(name: str, how: str) -> None:
    kind = KINDS[name]
    account = kind.account()

    answer, _ = ask_with(account, kind.pools[0], MANGLED[how](account.api_secret + "\n"))

    assert answer == Observation(Decimal("1000.000000012"), NOW)


def test_key_in_base64_signs_with_blanks_around_it() -> None:
    account = KINDS["coinbase, Ed25519"].account()

    answer, _ = ask_with(account, "spot", f" {account.api_secret}\r\n")

    assert isinstance(answer, Observation)


@pytest.mark.parametrize("name", KINDS)
def test_another_private_key_is_refused(name: str) -> None:
    kind = KINDS[name]
    account = kind.account()

    answer, server = ask_with(account, kind.pools[0], kind.account(number=2).api_secret)

    assert code_of(answer) is Code.EXCHANGE_REFUSED_KEY
    assert len(server.requests) == 1


@pytest.mark.parametrize("name", KINDS)
def test_secret_of_another_kind_does_not_sign_for_a_private_key(name: str) -> None:
    kind = KINDS[name]

    answer, _ = ask_with(kind.account(), kind.pools[0], "a secret that signs by HMAC")

    # By that name ccxt knows that the secret has to be a private key.
    is_known = kind.name == CDP_NAME
    expected = Code.CREDENTIALS_MALFORMED if is_known else Code.EXCHANGE_REFUSED_KEY
    assert code_of(answer) is expected


def test_permissions_of_a_key_are_told_to_its_private_key() -> None:
    account = EC.account()
    with SimulatedExchange(ExchangeState([account])) as server:
        facts = gateway_to(server).inspect_keys([request_for(account, ["spot"])])

    assert facts == {1: KeyFacts(can_withdraw=True)}


# What signs nothing


def halved(pem: str) -> str:
    begin, *lines, end = pem.split("\n")
    return "\n".join([begin, *lines[: len(lines) // 2], end])


def without_its_end(pem: str) -> str:
    return pem[:-30]


def on_another_curve(pem: str) -> str:
    """That of the next number, which nobody knows."""
    key = key_of("ec").private_bytes(Encoding.DER, PKCS8, NoEncryption())
    known, unknown = bytes.fromhex("2a8648ce3d030107"), bytes.fromhex("2a8648ce3d03017f")
    body = b64encode(key.replace(known, unknown)).decode()
    return f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----"


def spoiled(pem: str) -> str:
    return pem.replace("\n", "\n!", 1)


def emptied(pem: str) -> str:
    lines = pem.split("\n")
    return f"{lines[0]}\n{lines[-1]}"


@pytest.mark.parametrize(
    "spoil", [halved, without_its_end, on_another_curve, spoiled, emptied], ids=lambda f: f.__name__
)
@pytest.mark.parametrize("name", IN_PEM)
def test_broken_key_is_malformed_and_nobody_is_asked(
    name: str, spoil: Callable[[str], str]
) -> None:
    kind = KINDS[name]
    account = kind.account()
    broken = spoil(account.api_secret)

    for secret in (broken, broken.replace("\n", "")):
        answer, server = ask_with(account, kind.pools[0], secret)

        assert code_of(answer) is Code.CREDENTIALS_MALFORMED
        assert server.requests == []


@pytest.mark.parametrize("form", [PKCS8, TRADITIONAL])
@pytest.mark.parametrize("name", ["coinbase, EC", "binance, RSA", "bybit, RSA"])
def test_key_behind_a_password_is_malformed_and_says_why(name: str, form: Any) -> None:
    kind = KINDS[name]
    account = kind.account()
    pem = encrypted_pem_of(key_of(kind.algorithm), form)

    for secret in (pem, pem.replace("\n", ""), pem.replace("\n", "\\n")):
        answer, server = ask_with(account, kind.pools[0], secret)

        figures = {"venue": kind.venue, "kind": "EncryptedKey"}
        assert answer == Reason(Code.CREDENTIALS_MALFORMED, figures)
        assert "must not have a password" in answer.english
        assert server.requests == []


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [("coinbase, EC", "ed25519"), ("coinbase, EC", "rsa"), ("binance, RSA", "ec"),
     ("bybit, RSA", "ed25519"), ("bybit, RSA", "ec")],
)  # fmt: skip
def test_kind_that_the_venue_does_not_take_is_malformed(name: str, algorithm: str) -> None:
    kind = KINDS[name]

    answer, server = ask_with(kind.account(), kind.pools[0], pem_of(key_of(algorithm)))

    assert code_of(answer) is Code.CREDENTIALS_MALFORMED
    assert server.requests == []


@pytest.mark.parametrize("how", MANGLED)
def test_private_key_in_the_place_of_its_name_is_not_sent(how: str) -> None:
    account = EC.account()
    request = request_for(account, ["spot"])
    swapped = replace(
        request.credentials, api_key=MANGLED[how](account.api_secret), api_secret=CDP_NAME
    )
    with SimulatedExchange(ExchangeState([account])) as server:
        answers = gateway_to(server).fetch_balances(
            [replace(request, credentials=swapped)], clock=lambda: NOW
        )

    figures = {"venue": "coinbase", "kind": "MisplacedKey"}
    assert answers == {(1, Pool.SPOT): Reason(Code.CREDENTIALS_MALFORMED, figures)}
    assert server.requests == []


def test_account_that_signs_nothing_keeps_no_other_from_its_balance() -> None:
    sound, locked = EC.account(), KINDS["bybit, RSA"].account()
    locked.api_secret = encrypted_pem_of(key_of("rsa"), PKCS8)
    with SimulatedExchange(ExchangeState([sound, locked])) as server:
        answers = gateway_to(server).fetch_balances(
            [request_for(sound, ["spot"], key=1), request_for(locked, ["unified"], key=2)],
            clock=lambda: NOW,
        )

    assert answers[1, Pool.SPOT] == Observation(Decimal("1000.000000012"), NOW)
    assert code_of(answers[2, Pool.UNIFIED]) is Code.CREDENTIALS_MALFORMED


# Silence


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every client that was made."""
    clients: list[Any] = []
    build = CcxtGateway.client

    def noting(self: CcxtGateway, *args: Any) -> Any:
        clients.append(build(self, *args))
        return clients[-1]

    monkeypatch.setattr(CcxtGateway, "client", noting)
    return clients


@pytest.mark.parametrize("name", KINDS)
def test_no_part_of_a_key_is_in_a_reason_a_log_or_a_repr(
    name: str, caplog: pytest.LogCaptureFixture, capsys: Any, built: list[Any]
) -> None:
    caplog.set_level(logging.DEBUG)
    kind = KINDS[name]
    account = kind.account()
    secrets = [account.api_secret, kind.account(number=2).api_secret]
    if name in IN_PEM:
        secrets += [halved(account.api_secret), account.api_secret.replace("\n", "")]
        if kind.algorithm != "ed25519":
            secrets.append(encrypted_pem_of(key_of(kind.algorithm), TRADITIONAL))

    shown = [repr(account)]
    for secret in secrets:
        answer, server = ask_with(account, kind.pools[0], secret)
        request = replace(
            request_for(account, kind.pools),
            credentials=replace(request_for(account, []).credentials, api_secret=secret),
        )
        shown += [repr(answer), repr(server.requests), repr(request), repr(request.credentials)]
    shown += [caplog.text, *capsys.readouterr(), *map(repr, built), *map(str, built)]

    whole = "".join(shown)
    for secret in secrets:
        for line in filter(None, secret.split("\n")):
            assert line.startswith("-----") or line[:16] not in whole
    assert "Bearer" not in whole
    assert "signature=" not in whole


# The clock


@pytest.mark.parametrize("ahead_seconds", [-200, 200])
@pytest.mark.parametrize("name", KINDS)
def test_clock_is_put_right_for_a_key_that_signs_by_a_private_key(
    name: str, ahead_seconds: int
) -> None:
    account = KINDS[name].account()
    pool = KINDS[name].pools[0]
    desk = ExchangeState([account])
    with SimulatedExchange(desk, clock_ahead_milliseconds=ahead_seconds * 1000) as server:
        gateway = gateway_to(server, politeness=Politeness())
        answers = gateway.fetch_balances([request_for(account, [pool])], clock=lambda: NOW)

    assert answers[1, Pool(pool)] == Observation(Decimal("1000.000000012"), NOW)
    assert len(server.requests) == 2


@pytest.mark.parametrize("padding", ["pkcs1", "pss"])
def test_rsa_signs_as_ccxt_does_and_loads_a_key_once(
    padding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = pem_of(key_of("rsa", 97))  # of no other test: it would be loaded already
    client, ours = new_client("binance"), "timestamp=1&recvWindow=5000"
    loaded: list[bytes] = []

    def load(told: bytes, password: None) -> object:
        loaded.append(told)
        return load_pem_private_key(told, password)

    monkeypatch.setattr(serialization, "load_pem_private_key", load)
    signatures = {client.rsa(ours, pem, "sha256", padding) for _ in range(3)}

    if padding == "pkcs1":  # the other one has salt in it
        assert signatures == {ccxt.Exchange.rsa(ours, pem, "sha256", padding)}
        assert loaded == [pem.encode()]
    else:
        assert len(signatures) == 3
