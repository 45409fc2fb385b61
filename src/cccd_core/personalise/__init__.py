"""Writing a card and proving what was written. May import card, pki, signing and emrtd."""
