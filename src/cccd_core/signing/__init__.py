"""Signers: software key and PKCS#11. pkcs11 is imported in pkcs11.py alone."""
