"""Talking to a chip: APDUs, secure channels, transports, the software card. May import emrtd."""
