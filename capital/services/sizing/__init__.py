"""Orders: how much may be ordered, and what is held for them."""

from capital.services.sizing.answers import SizedOrder
from capital.services.sizing.orders import OrderRequest, size_orders
from capital.services.sizing.reserving import HOLD_FIELDS, Hold, ReservedOrder, Wish, reserve_orders

__all__ = [
    "HOLD_FIELDS",
    "Hold",
    "OrderRequest",
    "ReservedOrder",
    "SizedOrder",
    "Wish",
    "reserve_orders",
    "size_orders",
]
