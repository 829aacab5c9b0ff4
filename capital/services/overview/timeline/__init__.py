"""What capital was at a moment and why, and the course that led there."""
