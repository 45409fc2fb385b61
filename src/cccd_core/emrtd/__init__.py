"""What is on the chip: bytes in, bytes out, no I/O. Imports errors alone, and asn1crypto in asn1.py."""
