"""Who gets a card: the search and what the register says, put together."""
