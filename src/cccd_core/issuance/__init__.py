"""From a batch of dossiers to verified cards: where the biometric side and the card side meet."""
