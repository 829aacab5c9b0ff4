"""From the capital of a link to the amount of one order, in whole steps of the venue.

``orders`` is what a bot asks for, ``instruments`` the rules of the symbol. ``admission`` says
whether the link may order it, ``prices`` at which price it is sized, ``quantities`` how much it
is, with the formulas of ``formulas`` and the rounding of ``rounding``. docs/sizing.md derives them.
"""
