"""Certificates, lists, path validation, the test PKI. May import emrtd."""
