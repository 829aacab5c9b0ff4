"""Whose signature it is: known answers of Keccak, of addresses, and of ccxt's own signing."""

import ccxt
import pytest

from capital.simulator.orders.wallets import address_of_secret, keccak, packed, signer_of

SECRET, ADDRESS = "11" * 32, "0x19e7e376e7c213b7e7e7e46cc70a5dd086daff2a"
NONCE = 1795811012268


def test_keccak_is_the_one_of_ethereum() -> None:
    nothing = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak(b"").hex() == nothing
    # Two blocks: a block is 136 bytes.
    two = "5b7e0e47a96f32a88b4f14ca177982790807c40e1a105742ba0fc1babe1ef826"
    assert keccak(b"a" * 300).hex() == two


def test_an_address_follows_from_a_private_key() -> None:
    assert address_of_secret(SECRET) == ADDRESS


def signed(action: object) -> dict[str, object]:
    client = ccxt.hyperliquid({"privateKey": f"0x{SECRET}", "walletAddress": ADDRESS})
    return {
        "action": action,
        "nonce": NONCE,
        "signature": client.sign_l1_action(action, NONCE),
    }


def test_who_signed_an_action_is_recovered() -> None:
    order = {"a": 10000, "b": True, "p": "64296", "s": "0.01", "r": False, "c": "0x" + "7" * 32}
    body = signed({"type": "order", "orders": [order], "grouping": "na", "more": None})

    assert signer_of(body) == ADDRESS
    assert signer_of({**body, "nonce": NONCE + 1}) not in (None, ADDRESS)
    assert signer_of({**body, "action": {"type": "order"}}) not in (None, ADDRESS)


@pytest.mark.parametrize("signature", [{}, {"r": "0x0", "s": "0x1", "v": 27}, {"r": "x"}])
def test_what_is_no_signature_is_nobodys(signature: object) -> None:
    assert signer_of({"action": {}, "nonce": 1, "signature": signature}) is None


def test_actions_are_packed_as_they_are_written() -> None:
    assert packed({"a": [1, 200, 70_000], "b": "x" * 40}).hex() == (
        "82a16193" + "01" + "ccc8" + "ce00011170" + "a162" + "d928" + "78" * 40
    )
    with pytest.raises(TypeError):
        packed(0.5)
    with pytest.raises(ValueError, match="no place"):
        packed(-1)
