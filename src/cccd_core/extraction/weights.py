"""The weights of LEADER, read from the package that brings them; nothing of them is kept in this library.

R. Cappelli, M. Ferrara, "LEADER: Lightweight End-to-end Attention-gated Dual Encoder-decodeR", arXiv 2602.15493; the
weights are in the package `pyfing` (MIT). The package is found, never imported: it would load its framework.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from cccd_core.errors import DamagedError, UnavailableError

Layers: TypeAlias = dict[str, NDArray[np.float32]]

PACKAGE = "pyfing"
EXTRA = "cccd_core[extract]"
_FILE = Path("models", "LEADER.weights.h5")
_BYTES = 4_254_316
SHA256 = "0cbf12af936482d10ba54b23f40a9b192ab767df2f81bc96c5954585735fefe6"

_STEPS = (0, 1, 2, 3)
_DOWN_UP = [f"enc{{0}}_{step}" for step in _STEPS] + [f"dec{{0}}_{step}" for step in reversed(_STEPS)]
_FIRST = [name.format(0) for name in _DOWN_UP]
_SECOND = [name.format(1) for name in _DOWN_UP]
HEADS = ("place", "direction", "kind")


def _convolutions() -> Iterator[str]:
    """The names of the plain convolutions in the order in which the file numbers them: by depth in the graph."""
    yield from ("stem0.conv", "stem0.dilated", "stem1.conv", "stem1.dilated")
    yield from ("attention1", "attention3", "attention6", "gate")
    for name in _SECOND:
        yield from (f"{name}.expand", f"{name}.reduce", f"{name}.adjust")
    # The heads differ in what follows them, so that in the order of depth the second lags by two, the third by three.
    yield from ("place.expand", "place.reduce", "direction.expand", "place.adjust", "direction.reduce", "kind.expand")
    yield from ("kind.reduce", "direction.adjust", "place.first", "kind.adjust", "place.second", "direction.first")
    yield from ("place.out", "kind.first", "direction.second", "blur", "direction.out", "kind.second", "kind.out")


def _places() -> Iterator[tuple[str, str]]:
    """Where in the file each array stands, and its name here."""
    for number, name in enumerate(_convolutions()):
        yield _place("conv2d", number, 0), f"{name}.kernel"
        if name != "blur":
            yield _place("conv2d", number, 1), f"{name}.bias"
    for number, name in enumerate([*_SECOND, *HEADS]):
        yield _place("depthwise_conv2d", number, 0), f"{name}.depthwise"
    for number, name in enumerate(_FIRST):
        for variable, part in enumerate(("depthwise", "kernel", "bias")):
            yield _place("separable_conv2d", number, variable), f"{name}.{part}"
    norms = ["stem0.norm", *(f"{name}.norm" for name in _FIRST), "stem1.norm"]
    norms += [f"{name}.norm" for name in [*_SECOND, *HEADS]] + [f"{name}.last_norm" for name in HEADS]
    for number, name in enumerate(norms):
        yield _place("layer_normalization", number, 0), f"{name}.gamma"
        yield _place("layer_normalization", number, 1), f"{name}.beta"


def _place(kind: str, number: int, variable: int) -> str:
    return f"layers/{kind}{f'_{number}' if number else ''}/vars/{variable}"


def found() -> bool:
    """Whether the extra is installed here: the weights and what reads their file."""
    return find_spec(PACKAGE) is not None and find_spec("h5py") is not None


@cache
def layers() -> Layers:
    """float32 arrays by name, read once. UnavailableError without the extra, DamagedError for another file."""
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations or find_spec("h5py") is None:
        raise UnavailableError("the network that finds minutiae is not installed", needs=EXTRA)
    path = Path(spec.submodule_search_locations[0]) / _FILE
    try:
        with path.open("rb") as file:
            data = file.read(_BYTES + 1)
    except OSError as error:
        raise UnavailableError(
            "the file of weights cannot be read", needs=EXTRA, path=str(path), why=type(error).__name__
        ) from None
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise DamagedError("the weights are not those that this version was measured with", path=str(path))
    import h5py

    with h5py.File(io.BytesIO(data), "r") as file:
        return {name: np.array(file[place], dtype=np.float32) for place, name in _places()}
