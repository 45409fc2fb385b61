"""The layers of the network that finds minutiae: the Numba twin of native/kernels/extraction, bit for bit.

Products are of whole numbers; between them stands float32 with +, -, *, / and square root, each rounded on its own and
added in one stated order. How the weights lie is told in extraction.hpp.
"""

# numba's types are not those of the annotations, which are for the reader
# mypy: disable-error-code="no-any-return"

import numba
import numpy as np
from numpy.typing import NDArray

# --- extraction.hpp

LANES = 16
STEM_INPUTS = 42
GATES = 3
GATE_TAPS = 9
GATE_CHANNELS = 32
GATE_REACH = 6
MOST = np.float32(8191)

Float32 = NDArray[np.float32]
Int16 = NDArray[np.int16]
Int32 = NDArray[np.int32]

SHIFT = np.float32(12582912.0)
GELU_END = np.float32(4.5)
GELU = (
    np.float32(3.036335072259533e-11), np.float32(-3.31458505087312e-09), np.float32(1.5909689499959884e-07),
    np.float32(-4.4516727939480916e-06), np.float32(8.142450678860769e-05), np.float32(-0.00103758682962507),
    np.float32(0.009585185907781124), np.float32(-0.06598462164402008), np.float32(0.3987125754356384),
)  # fmt: skip
HALF = np.float32(0.5)
ONE = np.float32(1)
SIXTH = np.float32(0.16666667)
TWENTY_FOURTH = np.float32(0.041666668)
SIGMOID_END = np.float32(20)
SIGMOID_PART = np.float32(-0.00390625)
EPSILON = np.float32(0.001)

# --- serial.cpp


@numba.njit(nogil=True, cache=True)
def products(rows: Int16, weights: Int16, outputs: int) -> Int32:
    """int32[pixels, outputs] of rows[pixels, inputs]."""
    pixels, inputs = rows.shape
    sums = np.zeros((pixels, outputs), np.int32)
    for p in range(pixels):
        for tile in range(outputs // LANES):
            for k in range(0, inputs, 2):
                a, b = np.int32(rows[p, k]), np.int32(rows[p, k + 1])
                here = tile * LANES * inputs + k * LANES
                for n in range(LANES):
                    sums[p, tile * LANES + n] += a * weights[here + 2 * n] + b * weights[here + 2 * n + 1]
    return sums


@numba.njit(nogil=True, cache=True)
def depthwise(image: Int16, size: int, weights: Int16) -> Int32:
    """int32[pixels, channels] of a row of pixels, of image[size, pixels + size - 1, channels]."""
    channels = image.shape[2]
    pixels = image.shape[1] - size + 1
    sums = np.zeros((pixels, channels), np.int32)
    for p in range(pixels):
        for y in range(size):
            for x in range(size):
                first = (y // 2 * size + x) * channels * 2 + y % 2
                for c in range(channels):
                    n = c % LANES  # a group of 16 lies as 0-3, 8-11, 4-7, 12-15
                    place = 2 * (c - n + n // 4 % 2 * 8 + n // 8 * 4 + n % 4)
                    sums[p, c] += np.int32(image[y, p + x, c]) * weights[first + place]
    return sums


# --- layers.ipp


@numba.njit(nogil=True, cache=True)
def gelu(x: np.float32) -> np.float32:
    """x times the normal distribution function; 6e-5 off at most."""
    inner = min(max(x, -GELU_END), GELU_END)
    square = inner * inner
    total = GELU[0]
    for factor in GELU[1:]:
        total = total * square + factor
    return x * (HALF + inner * total)


@numba.njit(nogil=True, cache=True)
def sigmoid(x: np.float32) -> np.float32:
    """(1 + x / 256) to the 256th for the exponential, by its first terms, which every library rounds differently."""
    inner = min(max(x, -SIGMOID_END), SIGMOID_END) * SIGMOID_PART
    power = ONE + inner * (ONE + inner * (HALF + inner * (SIXTH + inner * TWENTY_FOURTH)))
    for _ in range(8):
        power = power * power
    return ONE / (ONE + power)


@numba.njit(nogil=True, cache=True)
def whole(x: np.float32) -> np.int16:
    """To the nearest whole number, the even one of two: adding 1.5 * 2^23 leaves no bit for less."""
    inner = min(max(x, -MOST), MOST)
    return np.int16(np.int32((inner + SHIFT) - SHIFT))


@numba.njit(nogil=True, cache=True)
def added(each: Float32) -> np.float32:
    """The sum of 16 numbers, halves upon halves."""
    for half in (8, 4, 2):
        for i in range(half):
            each[i] += each[i + half]
    return each[0] + each[1]


@numba.njit(nogil=True, cache=True)
def normalise(gamma: Float32, beta: Float32, real: Float32, count: np.float32, values: Float32) -> None:
    """Layer normalisation in place, of the real channels."""
    channels = values.shape[0]
    each = np.zeros(LANES, np.float32)
    for c in range(channels):
        each[c % LANES] += values[c]
    mean = added(each) / count
    squares = np.zeros(LANES, np.float32)
    for c in range(channels):
        off = (values[c] - mean) * real[c]
        values[c] = off
        squares[c % LANES] += off * off
    factor = ONE / np.sqrt(added(squares) / count + EPSILON)
    for c in range(channels):
        values[c] = values[c] * factor * gamma[c] + beta[c]


@numba.njit(nogil=True, cache=True)
def reals(rows: Int16, weights: Int16, scale: Float32, bias: Float32) -> Float32:
    """One product's sums as real numbers, float32[pixels, outputs]."""
    sums = products(rows, weights, scale.shape[0])
    values = np.empty(sums.shape, np.float32)
    for p in range(sums.shape[0]):
        for n in range(sums.shape[1]):
            values[p, n] = np.float32(sums[p, n]) * scale[n] + bias[n]
    return values


@numba.njit(nogil=True, cache=True)
def activated(
    rows: Int16, weights: Int16, scale: Float32, bias: Float32, to_out: np.float32, out: Int16
) -> None:  # fmt: skip
    """The same through gelu and made whole."""
    values = reals(rows, weights, scale, bias)
    for p in range(values.shape[0]):
        for n in range(values.shape[1]):
            out[p, n] = whole(gelu(values[p, n]) * to_out)


@numba.njit(nogil=True, cache=True)
def finish(
    gamma: Float32, beta: Float32, real: Float32, count: np.float32, values: Float32, to_out: np.float32, out: Int16
) -> None:
    """Normalised, through gelu, made whole."""
    for p in range(values.shape[0]):
        normalise(gamma, beta, real, count, values[p])
        for c in range(values.shape[1]):
            out[p, c] = whole(gelu(values[p, c]) * to_out)


@numba.njit(nogil=True, cache=True)
def around(image: Int16, y: int, x: int, out: Int16) -> None:
    """The pixels that a stem looks at: 5 x 5 around one, then those two apart of which the first 25 lack."""
    k = 0
    for dy in range(-2, 3):
        for dx in range(-2, 3):
            out[k] = image[y + dy, x + dx, 0]
            k += 1
    for dy in range(-4, 5, 2):
        for dx in range(-4, 5, 2):
            if abs(dy) == 4 or abs(dx) == 4:
                out[k] = image[y + dy, x + dx, 0]
                k += 1
    out[k] = 0


@numba.njit(nogil=True, cache=True)
def stem(
    image: Int16, weights: Int16, scale: Float32, bias: Float32, gamma: Float32, beta: Float32, real: Float32,
    count: float, largest: bool, to_out: float, out: Int16,
) -> None:  # fmt: skip
    """out[height / 2, width / 2, outputs] of image[height + 8, width + 8, 1]: the largest or the mean of four."""
    height, width, channels = image.shape[0] - 8, image.shape[1] - 8, scale.shape[0]
    rows = np.empty((width, STEM_INPUTS), np.int16)
    fine = np.empty((2, width, channels), np.int16)
    for y in range(0, height, 2):
        for half in range(2):
            for x in range(width):
                around(image, y + half + 4, x + 4, rows[x])
            values = reals(rows, weights, scale, bias)
            finish(gamma, beta, real, np.float32(count), values, np.float32(to_out), fine[half])
        for x in range(0, width, 2):
            for c in range(channels):
                a, b = np.int32(fine[0, x, c]), np.int32(fine[0, x + 1, c])
                d, e = np.int32(fine[1, x, c]), np.int32(fine[1, x + 1, c])
                out[y // 2, x // 2, c] = max(max(a, b), max(d, e)) if largest else (a + b + d + e + 2) >> 2


@numba.njit(nogil=True, cache=True)
def separable(
    image: Int16, size: int, window: Int16, window_scale: Float32, weights: Int16, scale: Float32, bias: Float32,
    gamma: Float32, beta: Float32, real: Float32, count: float, to_out: float, out: Int16,
) -> None:  # fmt: skip
    """out[height, width, outputs] of image[height + size - 1, width + size - 1, channels]."""
    height, width, channels = out.shape[0], out.shape[1], image.shape[2]
    middle = np.empty((width, channels), np.int16)
    for y in range(height):
        sums = depthwise(image[y : y + size], size, window)
        for x in range(width):
            for c in range(channels):
                middle[x, c] = whole(np.float32(sums[x, c]) * window_scale[c])
        values = reals(middle, weights, scale, bias)
        finish(gamma, beta, real, np.float32(count), values, np.float32(to_out), out[y])


@numba.njit(nogil=True, cache=True)
def bottleneck(
    image: Int16, size: int, window: Int16, window_scale: Float32, gamma: Float32, beta: Float32, real: Float32,
    count: float, expand: Int16, expand_scale: Float32, expand_bias: Float32, reduce: Int16, reduce_scale: Float32,
    reduce_bias: Float32, adjust: Int16, adjust_scale: Float32, adjust_bias: Float32, to_middle: float, to_out: float,
    out: Int16,
) -> None:  # fmt: skip
    """out[height, width, outputs] of image[height + size - 1, width + size - 1, channels]."""
    height, width, channels = out.shape[0], out.shape[1], image.shape[2]
    border = size // 2
    middle = np.empty((width, channels), np.int16)
    wide = np.empty((width, expand_scale.shape[0]), np.int16)
    values = np.empty(channels, np.float32)
    for y in range(height):
        sums = depthwise(image[y : y + size], size, window)
        for x in range(width):
            for c in range(channels):
                values[c] = np.float32(sums[x, c]) * window_scale[c]
            normalise(gamma, beta, real, np.float32(count), values)
            for c in range(channels):
                middle[x, c] = whole(values[c])
        activated(middle, expand, expand_scale, expand_bias, np.float32(to_middle), wide)
        reduced = reals(wide, reduce, reduce_scale, reduce_bias)
        kept = reals(image[y + border, border : border + width], adjust, adjust_scale, adjust_bias)
        for x in range(width):
            for n in range(reduced.shape[1]):
                out[y, x, n] = whole((reduced[x, n] + kept[x, n]) * np.float32(to_out))


@numba.njit(nogil=True, cache=True)
def gate(
    image: Int16, seen: Int16, seen_scale: Float32, seen_bias: Float32, weights: Int16, scale: Float32, bias: Float32,
    to_middle: float, out: Int16,
) -> None:  # fmt: skip
    """out[height, width, 32] of image[height + 12, width + 12, 32]: the image times what its surroundings open."""
    height, width, channels = out.shape
    rows = np.empty((width, GATE_TAPS * GATE_CHANNELS), np.int16)
    middle = np.empty((width, GATES * LANES), np.int16)
    for y in range(height):
        for g in range(GATES):
            reach = (1, 3, 6)[g]
            for x in range(width):
                for tap in range(GATE_TAPS):
                    from_y = y + GATE_REACH + (tap // 3 - 1) * reach
                    from_x = x + GATE_REACH + (tap % 3 - 1) * reach
                    for c in range(channels):
                        rows[x, tap * channels + c] = image[from_y, from_x, c]
            activated(
                rows, seen[g], seen_scale[g], seen_bias[g], np.float32(to_middle),
                middle[:, g * LANES : (g + 1) * LANES],
            )  # fmt: skip
        values = reals(middle, weights, scale, bias)
        for x in range(width):
            for c in range(channels):
                here = np.float32(image[y + GATE_REACH, x + GATE_REACH, c])
                out[y, x, c] = whole(here * sigmoid(values[x, c]))
