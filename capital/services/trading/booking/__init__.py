"""What is written of books: positions, the days of their symbols, and trades, of many at once."""
