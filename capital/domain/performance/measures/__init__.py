"""What is measured of what was earned: returns, drawdowns, ratios and trades.

All of it is calculated in ``Decimal``. Where a figure has no answer, a ``Reason`` stands in its
place, never zero and never infinity.
"""
