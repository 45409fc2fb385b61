"""Links to a card: a PC/SC reader, a card in this process, a recording."""
