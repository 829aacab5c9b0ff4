"""What a person says of fills and flows: whose they are, and what was entered wrong."""
