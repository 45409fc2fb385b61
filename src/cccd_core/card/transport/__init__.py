"""Links to a card. smartcard (pyscard) is imported in pcsc.py alone."""
