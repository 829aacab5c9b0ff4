"""What is asked of a venue, and where its answer has what we need. Pure data."""
