"""Orders: how much may be ordered."""

from capital.services.sizing.orders import OrderRequest, SizedOrder, size_orders

__all__ = [
    "OrderRequest",
    "SizedOrder",
    "size_orders",
]
