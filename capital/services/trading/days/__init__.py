"""The days of links: what each had and earned, in one row a day; and the days of their accounts.

A day follows from the days of its positions (``SymbolDay``), the marks at its end (``DayMark``) and
what decisions gave or took (``AllocationRun.pnl``). It is written while it lasts, closed by the job
of the day's end, and restated where a fill comes late: with all days behind it, and never with the
capital of the link.
"""
