"""What is stored of the days of links, as performance reads it."""
