"""One run over one output folder: how far it is, what it holds, whose orders are whose."""
