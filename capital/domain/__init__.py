"""What is decided, as pure functions over plain values: same input, same answer.

Nothing here knows Django, the database or an exchange; services bring the values and keep the
answers.

``money``, ``pools``, ``balances``, ``clock`` are the words that all others use. ``reasons`` has
every code with its sentence, ``errors`` an exception for each decision that a caller can take.
``run_keys`` says what may name a decision, ``jumps`` whether a balance is believable, and ``rates``
adds up currencies for reports.
``allocation`` divides the balances, ``sizing`` turns capital into an order's amount, and ``audit``
checks what was recorded against the same rules.
"""
