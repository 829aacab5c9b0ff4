"""Functions that may be called only outside a transaction, or only inside one.

What waits for an exchange must not hold locks while it waits, and what works on locked rows can
rely on them until its transaction ends only. Each such function says so in its docstring
("Call it outside a transaction", "Call it inside the transaction that …"), and the decorator
beside it refuses the other: with an error, at the first call, instead of now and then in use.
"""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import connection

_Given = ParamSpec("_Given")
_Returned = TypeVar("_Returned")


class TransactionMisused(RuntimeError):
    """A bug of the caller: the function was called on the wrong side of a transaction."""


def outside_transaction(function: Callable[_Given, _Returned]) -> Callable[_Given, _Returned]:
    """Refuse to be called inside a transaction, as Django's ``atomic(durable=True)`` does."""

    @wraps(function)
    def refuse_inside(*args: _Given.args, **kwargs: _Given.kwargs) -> _Returned:
        if _in_transaction():
            raise TransactionMisused(
                f"{function.__qualname__} was called inside a transaction, whose locks others "
                "would wait for: call it before the transaction begins, or on commit."
            )
        return function(*args, **kwargs)

    return refuse_inside


def inside_transaction(function: Callable[_Given, _Returned]) -> Callable[_Given, _Returned]:
    """Refuse to be called outside a transaction, where a lock ends with its own statement."""

    @wraps(function)
    def refuse_outside(*args: _Given.args, **kwargs: _Given.kwargs) -> _Returned:
        if not _in_transaction():
            raise TransactionMisused(
                f"{function.__qualname__} was called outside a transaction, where no lock is "
                "held: call it inside transaction.atomic(), with the accounts locked."
            )
        return function(*args, **kwargs)

    return refuse_outside


def _in_transaction() -> bool:
    """Whether the present code opened one. The one that a test case is wrapped in is none."""
    blocks = connection.atomic_blocks
    return bool(blocks) and not blocks[-1]._from_testcase  # type: ignore[attr-defined]
