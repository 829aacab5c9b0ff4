"""From the balances of an account to the capital of each strategy.

``links`` is what is divided among, and why a link is idle; ``pools`` decides one pool, with a
policy from ``policies``; ``decision`` decides the account. ``gate`` says whether a new decision
is due, and ``reverts`` undoes one.
"""
