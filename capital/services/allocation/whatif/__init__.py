"""What days on record would have come to by another policy: read, compared, written."""
