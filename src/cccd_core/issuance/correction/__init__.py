"""People taken out of register and gallery, given other fingers, joined or parted: each in one act, by order."""
