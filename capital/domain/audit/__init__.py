"""Whether what was recorded keeps the rules: every check yields the reasons it finds.

``pools`` and ``runs`` judge one decision by itself, ``chain`` the decisions of one account one
after the other, ``summaries`` its days, and ``suspects`` the balances that wait for a person.
"""
