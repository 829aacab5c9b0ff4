"""What a run follows from: who changed what since the last one, kept with the run."""
