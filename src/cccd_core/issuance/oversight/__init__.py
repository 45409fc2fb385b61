"""What an inspector asks a register: which unit, and who in it, does otherwise than the others."""
