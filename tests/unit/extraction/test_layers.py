"""Native kernels against their Numba twin, bit for bit, and both against the network in plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from cccd_core import runtime
from cccd_core.errors import CccdError
from cccd_core.extraction import quantised, weights
from cccd_core.extraction.minutiae import Heads
from cccd_core.extraction.network import Network
from reference import leader_naive

pytestmark = [
    pytest.mark.jit,
    pytest.mark.skipif(not weights.found(), reason="the extra cccd_core[extract] is not installed"),
]


def ridges(height: int, width: int, seed: int = 3) -> np.ndarray:
    """Waves of 9 pixels that bend and break, with noise: enough for the network to see minutiae."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width].astype(np.float64)
    phase = (x + 0.4 * y + 14 * np.sin(y / 31) + 9 * np.sin(x / 23 + seed)) * (2 * np.pi / 9)
    phase += np.arctan2(y - height * 0.55, x - width * 0.45) - np.arctan2(y - height * 0.3, x - width * 0.6)
    image = 128 + 90 * np.cos(phase) + random.normal(0, 8, (height, width))
    return np.clip(image, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def network() -> Network:
    return Network.of(weights.layers())


def by(monkeypatch: pytest.MonkeyPatch, kernels: str, level: str = "") -> None:
    monkeypatch.setenv(runtime.KERNELS_VARIABLE, kernels)
    monkeypatch.setenv(runtime.SIMD_VARIABLE, level)


def test_every_level_and_the_twin_give_the_same_maps(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    # 160 pixels: whole groups of pixels and a rest at every scale
    for image in (ridges(64, 160), np.full((32, 64), 255, np.uint8), np.zeros((32, 32), np.uint8)):
        by(monkeypatch, "numba")
        twin = network.maps(image)
        for level in runtime.simd_levels():
            by(monkeypatch, "native", level)
            for ours, theirs in zip(network.maps(image), twin, strict=True):
                assert np.array_equal(ours, theirs), level


def test_whole_numbers_come_close_to_the_network_in_floats(network: Network) -> None:
    layers = weights.layers()
    image = ridges(96, 128)
    truth = leader_naive.run(layers, image)
    found = Heads.of(layers).minutiae(network.maps(image), 0.45)
    peaks = np.argwhere(truth[:, :, 4] >= 0.45)
    sure = {(y, x) for y, x in np.argwhere(truth[:, :, 4] >= 0.5).tolist()}
    ours = {(y, x): k for k, (y, x) in enumerate(zip(found.y_px.tolist(), found.x_px.tolist(), strict=True))}
    assert len(sure) >= 2
    assert sure <= ours.keys()
    assert len(ours.keys() - {(y, x) for y, x in np.argwhere(truth[:, :, 4] >= 0.4).tolist()}) == 0
    for y, x in peaks.tolist():
        if (k := ours.get((y, x))) is None:
            continue
        assert abs(found.certainty[k] - truth[y, x, 4]) < 0.02
        turn = found.angle[k] / 65536 - np.arctan2(truth[y, x, 2], truth[y, x, 1]) / (2 * np.pi)
        assert abs(turn - round(turn)) < 0.003
        if abs(truth[y, x, 3] - 0.5) > 0.05:
            assert found.ending[k] == (truth[y, x, 3] > 0.5)


def test_sums_of_the_largest_numbers_stay_within_32_bits(network: Network) -> None:
    def most(product: quantised.Product, outputs: int) -> int:
        tiles = product.weights.reshape(outputs // 16, -1, 16, 2).astype(np.int64)
        return int(np.abs(tiles).sum(axis=(1, 3)).max())

    for block in (*network.second_down, *network.second_up, *network.heads):
        for product in (block.expand, block.reduce, block.adjust):
            assert most(product, len(product.scale)) * 8191 < 2**31
        channels = len(block.window.scale)
        window = block.window.weights.reshape(4, 7, channels // 16, 2, 2, 4, 2).astype(np.int64)
        assert int(np.abs(window).sum(axis=(0, 1, 6)).max()) * 8191 < 2**31


def test_the_kernels_refuse_arrays_that_do_not_belong_together(network: Network) -> None:
    if not runtime.simd_levels():
        pytest.skip(f"no native kernels: {runtime.native_error()}")
    block = network.heads[0]
    image = np.zeros((20, 20, len(block.window.scale)), np.int16)
    good = [
        *block.window.arrays(), *block.norm.arrays(), *block.expand.arrays(), *block.reduce.arrays(),
        *block.adjust.arrays(), block.to_middle, block.to_out,
    ]  # fmt: skip
    out = np.zeros((14, 14, 16), np.int16)
    run = runtime.native().extraction_bottleneck
    run(image, *good, out, "serial")
    for place in (1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15):
        with pytest.raises(ValueError, match=r"belong together|other channels"):
            run(image, *good[:place], good[place][:-16].copy(), *good[place + 1 :], out, "serial")
    with pytest.raises(ValueError, match="border"):
        run(image[:6].copy(), *good, out, "serial")
    with pytest.raises(ValueError, match="another size"):
        run(image, *good, out[1:].copy(), "serial")


def test_weights_of_another_file_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "SHA256", "0" * 64)
    with pytest.raises(CccdError, match="not those"):
        weights.layers.__wrapped__()
