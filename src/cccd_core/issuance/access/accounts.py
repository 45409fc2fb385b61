"""Accounts: how they are called, and which one runs this process."""

from __future__ import annotations

import os
import pwd
import re
from typing import Final

from cccd_core.errors import ParameterError

NAME_MOST: Final = 64
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")


def name(text: str) -> str:
    """An account's name as it is kept and compared: without regard to capitals, so that nobody is two.
    ParameterError."""
    found = text.strip().lower()
    if _NAME.fullmatch(found) is None:
        raise ParameterError("a name is 1 to 64 letters a-z, digits, '.', '_', '@' or '-'", length=len(text))
    return found


def of_this_process() -> str:
    """The account of the system that runs this process."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container need not know its own
        return f"uid {os.getuid()}"
