"""Wallets: which address signed an action of Hyperliquid, as EIP-712 and its documentation say.

A wallet has no key id: what an exchange knows of a request is the address that its signature
comes from. A wrong signature is one of another address, which nobody has.
"""

from typing import Any

_ROUNDS = 24
_MASK = (1 << 64) - 1
_RATE = 136
# The curve secp256k1.
_P = 2**256 - 2**32 - 977
_N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)
_Point = tuple[int, int] | None
_DOMAIN = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_AGENT = b"Agent(string source,bytes32 connectionId)"
_CHAIN = 1337


def signer_of(body: dict[str, Any]) -> str | None:
    """The address, in lower case, that signed the action in a request; None: nobody could have."""
    try:
        signature = body["signature"]
        r, s = (int(str(signature[name]), 16) for name in ("r", "s"))
        digest = _digest(body["action"], int(body["nonce"]), body.get("vaultAddress"))
        point = _recovered(int.from_bytes(digest, "big"), r, s, int(signature["v"]) - 27)
    except (KeyError, TypeError, ValueError):
        return None
    return None if point is None else address_of(point)


def address_of(point: tuple[int, int]) -> str:
    """The address of a public key."""
    return "0x" + keccak(b"".join(each.to_bytes(32, "big") for each in point))[-20:].hex()


def address_of_secret(secret: str) -> str:
    """The address of a private key, in hexadecimal digits."""
    point = _times(int(secret, 16), _G)
    return "" if point is None else address_of(point)


def _digest(action: Any, nonce: int, vault: str | None) -> bytes:
    whose = b"\x00" if vault is None else b"\x01" + bytes.fromhex(vault.removeprefix("0x"))
    connection = keccak(packed(action) + nonce.to_bytes(8, "big") + whose)
    domain = keccak(
        keccak(_DOMAIN)
        + keccak(b"Exchange")
        + keccak(b"1")
        + _CHAIN.to_bytes(32, "big")
        + bytes(32)
    )
    agent = keccak(keccak(_AGENT) + keccak(b"a") + connection)
    return keccak(b"\x19\x01" + domain + agent)


def packed(value: Any) -> bytes:
    """MessagePack of what JSON can say, without fractions."""
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return _packed_number(value)
    if isinstance(value, str):
        text = value.encode()
        return _sized(len(text), 0xA0, 32, 0xD9) + text
    if isinstance(value, list):
        return _sized(len(value), 0x90, 16, None) + b"".join(map(packed, value))
    if isinstance(value, dict):
        pairs = (packed(name) + packed(each) for name, each in value.items())
        return _sized(len(value), 0x80, 16, None) + b"".join(pairs)
    raise TypeError(f"{value!r} has no place in an action")


def _packed_number(value: int) -> bytes:
    if 0 <= value < 128:
        return bytes([value])
    for code, size in ((0xCC, 1), (0xCD, 2), (0xCE, 4), (0xCF, 8)):
        if 0 <= value < 1 << (8 * size):
            return bytes([code]) + value.to_bytes(size, "big")
    raise ValueError(f"{value} has no place in an action")


def _sized(length: int, short: int, below: int, byte_code: int | None) -> bytes:
    if length < below:
        return bytes([short | length])
    if byte_code is not None and length < 256:
        return bytes([byte_code, length])
    raise ValueError("an action is not that long")


def _recovered(digest: int, r: int, s: int, parity: int) -> _Point:
    """The public key behind a signature (SEC 1, 4.1.6)."""
    if not (0 < r < _N and 0 < s < _N and parity in (0, 1)):
        return None
    square = (pow(r, 3, _P) + 7) % _P
    y = pow(square, (_P + 1) // 4, _P)
    if y * y % _P != square:
        return None
    y = y if y % 2 == parity else _P - y
    inverse = pow(r, -1, _N)
    return _plus(_times(s * inverse % _N, (r, y)), _times(-digest * inverse % _N, _G))


def _plus(one: _Point, other: _Point) -> _Point:
    if one is None or other is None:
        return other if one is None else one
    if one[0] == other[0] and (one[1] + other[1]) % _P == 0:
        return None
    if one == other:
        slope = 3 * one[0] * one[0] * pow(2 * one[1], -1, _P) % _P
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, _P) % _P
    x = (slope * slope - one[0] - other[0]) % _P
    return x, (slope * (one[0] - x) - one[1]) % _P


def _times(factor: int, point: _Point) -> _Point:
    total: _Point = None
    while factor:
        if factor & 1:
            total = _plus(total, point)
        point = _plus(point, point)
        factor >>= 1
    return total


def keccak(data: bytes) -> bytes:
    """Keccak-256 as Ethereum has it: SHA-3 before it was given another padding."""
    state = [0] * 25
    padded = data + b"\x01" + bytes(-(len(data) + 1) % _RATE)
    padded = padded[:-1] + bytes([padded[-1] | 0x80])
    for start in range(0, len(padded), _RATE):
        for place in range(_RATE // 8):
            at = start + 8 * place
            state[place] ^= int.from_bytes(padded[at : at + 8], "little")
        _permute(state)
    return b"".join(lane.to_bytes(8, "little") for lane in state[:4])


def _turned(lane: int, by: int) -> int:
    by %= 64
    return ((lane << by) | (lane >> (64 - by))) & _MASK


def _permute(state: list[int]) -> None:
    feedback = 1
    for _ in range(_ROUNDS):
        columns = [
            state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20]
            for x in range(5)
        ]
        for x in range(5):
            mixed = columns[(x + 4) % 5] ^ _turned(columns[(x + 1) % 5], 1)
            for y in range(5):
                state[x + 5 * y] ^= mixed
        x, y, lane = 1, 0, state[1]
        for step in range(24):
            x, y = y, (2 * x + 3 * y) % 5
            at = x + 5 * y
            state[at], lane = _turned(lane, (step + 1) * (step + 2) // 2), state[at]
        for y in range(5):
            row = state[5 * y : 5 * y + 5]
            for x in range(5):
                state[x + 5 * y] = row[x] ^ (~row[(x + 1) % 5] & _MASK & row[(x + 2) % 5])
        for bit in range(7):
            feedback = ((feedback << 1) ^ ((feedback >> 7) * 0x71)) % 256
            if feedback & 2:
                state[0] ^= 1 << ((1 << bit) - 1)
