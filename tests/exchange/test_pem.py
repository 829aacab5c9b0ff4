"""A private key is the same key in whatever form it was pasted."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import assume, given
from hypothesis import strategies as st

from capital.exchange.pem import EncryptedKey, UnfinishedKey, is_private_key, well_formed
from capital.simulator.signatures import PrivateKey
from tests.private_keys import MANGLED, PKCS8, TRADITIONAL, encrypted_pem_of, key_of, pem_of

# n - 1, where n is the order of P-256.
_LARGEST = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632550
EC_KEYS = st.integers(1, _LARGEST).map(lambda number: derive_private_key(number, SECP256R1()))
ED25519_KEYS = st.binary(min_size=32, max_size=32).map(Ed25519PrivateKey.from_private_bytes)
RSA_KEYS = st.integers(1, 2).map(lambda number: key_of("rsa", number))
PEMS = st.one_of(
    st.builds(pem_of, EC_KEYS | RSA_KEYS, st.sampled_from([PKCS8, TRADITIONAL])),
    st.builds(pem_of, ED25519_KEYS),
)
# What may stand between two lines, any number of times.
BREAKS = st.lists(
    st.sampled_from(["\n", "\r\n", "\r", "\\n", "\\r\\n", "\\\\n", " ", "\t", ""]), max_size=3
).map("".join)
AROUND = st.sampled_from(["", " ", "\n", "\\n", '"', "'", " \r\n", '"privateKey": "'])


def load(pem: str) -> PrivateKey:
    return load_pem_private_key(pem.encode(), None)  # type: ignore[return-value]


@given(PEMS, st.data())
def test_key_is_the_same_whatever_became_of_its_line_breaks(pem: str, data: st.DataObject) -> None:
    lines = pem.split("\n")
    mangled = "".join(line + data.draw(BREAKS) for line in lines)
    typed = data.draw(AROUND) + mangled + data.draw(AROUND)

    assert well_formed(typed) == pem.strip()
    assert pem_of(load(well_formed(typed))) == pem_of(load(pem))


@given(PEMS, st.sampled_from(list(MANGLED)), st.integers(1, 100))
def test_key_is_the_same_whatever_the_length_of_its_lines(pem: str, how: str, length: int) -> None:
    begin, *lines, end = pem.strip().split("\n")
    body = "".join(lines)
    parts = [body[start : start + length] for start in range(0, len(body), length)]

    assert well_formed(MANGLED[how]("\n".join([begin, *parts, end]))) == pem.strip()


@given(st.text() | st.from_regex(r"-----BEGIN [A-Z ]+-----[A-Za-z0-9+/=\n]*", fullmatch=True))
def test_anything_else_is_only_stripped(text: str) -> None:
    assume("PRIVATE KEY" not in text)

    assert well_formed(text) == text.strip()


@pytest.mark.parametrize(
    "secret",
    [
        "s3cr3t\\nwith\\na backslash",
        "-----BEGIN PUBLIC KEY-----\\nMCow\\n-----END PUBLIC KEY-----",
        "MHcC==\n-----END EC PRIVATE KEY-----",
    ],
)
def test_what_begins_no_private_key_is_left_as_it_is(secret: str) -> None:
    assert well_formed(f" {secret}\n") == secret


@given(PEMS, st.sampled_from(list(MANGLED)), st.integers(1))
def test_key_without_its_end_is_refused(pem: str, how: str, number: int) -> None:
    begin, end = pem.index("-----\n") + 5, len(pem.strip()) - 1
    cut = begin + number % (end - begin + 1)

    with pytest.raises(UnfinishedKey) as caught:
        well_formed(MANGLED[how](pem[:cut]))

    assert str(caught.value) == ""


def test_key_with_another_keys_end_is_refused() -> None:
    with pytest.raises(UnfinishedKey):
        well_formed("-----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END PRIVATE KEY-----")


def test_pem_that_has_its_form_keeps_it() -> None:
    for kind, form in (("ec", PKCS8), ("ec", TRADITIONAL), ("rsa", TRADITIONAL)):
        pem = pem_of(key_of(kind), form).strip()

        assert well_formed(pem) == pem


@given(ED25519_KEYS, st.sampled_from(list(MANGLED)))
def test_ed25519_pem_stays_short_enough_to_be_told_from_an_rsa_one(
    key: Ed25519PrivateKey, how: str
) -> None:
    """ccxt tells the two apart by it, on Binance: up to 120 characters, and more."""
    assert len(well_formed(MANGLED[how](pem_of(key)))) == 118


@pytest.mark.parametrize("how", MANGLED)
@pytest.mark.parametrize("form", [PKCS8, TRADITIONAL])
@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_key_behind_a_password_is_refused(kind: str, form: object, how: str) -> None:
    typed = MANGLED[how](encrypted_pem_of(key_of(kind), form))  # type: ignore[arg-type]

    with pytest.raises(EncryptedKey) as caught:
        well_formed(typed)

    assert str(caught.value) == ""


def test_private_key_is_seen_in_any_form() -> None:
    pem = pem_of(key_of("ec"), TRADITIONAL)

    assert all(is_private_key(mangle(pem)) for mangle in MANGLED.values())
    assert not any(map(is_private_key, ["", "organizations/1/apiKeys/2", "PRIVATE KEY"]))
