"""Columns of whole numbers, each as one number, so that adding two numbers adds all their places.

A place is as wide as its column needs, with room for the sum of a million. Columns of different
widths are added apart.
"""

import struct
from collections.abc import Iterable, Sequence
from functools import cache

# A million links.
_ROOM_BITS = 20
_SIGN_BITS, _BITS = 1, 8
_WORD, _AS_WORDS = 8, "<{}Q"


def width_of(values: Sequence[int]) -> int:
    """How many bytes a place needs; 0 where all are zero. It is even: fewer differ."""
    bits = max(max(values, default=0), -min(values, default=0)).bit_length()
    return 2 * -(-(bits + _ROOM_BITS + _SIGN_BITS) // (2 * _BITS)) if bits else 0


def pack(values: Sequence[int], width: int) -> int:
    """The number of these values.

    Args:
        values: Zeros at the end take no room.
        width: Of ``width_of``.
    """
    if not width:
        return 0
    half = _half(width)
    places = b"".join((each + half).to_bytes(width, "little") for each in values)
    return int.from_bytes(places, "little") - _offset(width, len(values))


def unpack(total: int, width: int, places: int) -> list[int]:
    """The values of such a number, or of the sum of such numbers of one width."""
    if not total:
        return [0] * places
    half = _half(width)
    # Most columns have nothing but zeros behind their first places.
    told = min(total.bit_length() // (_BITS * width) + 1, places)
    raw = (total + _offset(width, told)).to_bytes(width * told, "little")
    found = [each - half for each in _read(raw, width)]
    return found + [0] * (places - told)


def _read(raw: bytes, width: int) -> Iterable[int]:
    """The places, each of which is above zero."""
    if width > _WORD:
        read = int.from_bytes
        return (read(raw[at : at + width], "little") for at in range(0, len(raw), width))
    # Most places fit into a word, and words are read all at once.
    words = bytearray(len(raw) // width * _WORD)
    for at in range(width):
        words[at::_WORD] = raw[at::width]
    return struct.unpack(_AS_WORDS.format(len(words) // _WORD), words)


@cache
def _half(width: int) -> int:
    """What is added to a place so that it is above zero while it is read or written by itself."""
    return 1 << (_BITS * width - 1)


@cache
def _offset(width: int, places: int) -> int:
    return int.from_bytes(_half(width).to_bytes(width, "little") * places, "little")
