"""What people must look at: cases, the votes that settle them, and what a run obeys."""
