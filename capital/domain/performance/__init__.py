"""What was earned, from fills and funding: positions, PnL and trades, exactly.

``fills`` are what happened. ``positions`` is what is held and what it cost, ``trades`` the round
trips from flat to flat, and ``pnl`` keeps the books: it tells of each fill what it earned.
``measures`` says how well that was done.
"""
