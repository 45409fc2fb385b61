// The layers, shared by all levels: loops over channels are ones that the compiler makes vectors of without changing
// the order in which a sum's terms are added. The level's file defines `products` and `depthwise`.
#include <cmath>
#include <cstring>

#include "extraction.hpp"

namespace cccd::extraction::CCCD_LEVEL {

// sums[pixel][0 .. 16 * tiles) of `pixels` rows of inputs, `stride` apart, with the weights of one or two tiles of 16.
static void products(const std::int16_t* rows, std::size_t stride, std::size_t pixels, const std::int16_t* weights,
                     std::size_t inputs, std::size_t tiles, std::int32_t* sums);

// sums[pixel][channels] of `pixels` neighbours in a row; `from` is the first number under the first one's window and
// `row` what lies between two rows.
static void depthwise(const std::int16_t* from, std::size_t row, std::size_t pixels, const Depthwise& kernel,
                      std::int32_t* sums);

// x times the normal distribution function; 6e-5 off at most.
static inline float gelu(float x) {
  float inner = x < -4.5f ? -4.5f : x;
  inner = inner > 4.5f ? 4.5f : inner;
  const float square = inner * inner;
  float sum = 3.036335072259533e-11f;
  sum = sum * square + -3.31458505087312e-09f;
  sum = sum * square + 1.5909689499959884e-07f;
  sum = sum * square + -4.4516727939480916e-06f;
  sum = sum * square + 8.142450678860769e-05f;
  sum = sum * square + -0.00103758682962507f;
  sum = sum * square + 0.009585185907781124f;
  sum = sum * square + -0.06598462164402008f;
  sum = sum * square + 0.3987125754356384f;
  return x * (0.5f + inner * sum);
}

// (1 + x / 256) to the 256th for the exponential, by its first terms, which every library rounds differently.
static inline float sigmoid(float x) {
  float inner = x < -20.0f ? -20.0f : x;
  inner = (inner > 20.0f ? 20.0f : inner) * -0.00390625f;
  float power = 1.0f + inner * (1.0f + inner * (0.5f + inner * (0.16666667f + inner * 0.041666668f)));
  for (int step = 0; step < 8; ++step) power *= power;
  return 1.0f / (1.0f + power);
}

// To the nearest whole number, the even one of two: adding 1.5 * 2^23 leaves no bit for less.
static inline std::int16_t whole(float x) {
  constexpr float limit = static_cast<float>(most), shift = 12582912.0f;
  x = x < -limit ? -limit : x;
  x = x > limit ? limit : x;
  return static_cast<std::int16_t>(static_cast<std::int32_t>((x + shift) - shift));
}

// The sum of a multiple of 16 numbers: every sixteenth first, then halves upon halves.
static inline float total(float* each) {
  for (std::size_t i = 0; i < 8; ++i) each[i] += each[i + 8];
  for (std::size_t i = 0; i < 4; ++i) each[i] += each[i + 4];
  return (each[0] + each[2]) + (each[1] + each[3]);
}

static inline void normalise(const Norm& norm, std::size_t channels, float* values) {
  float each[lanes] = {};
  for (std::size_t c = 0; c < channels; c += lanes)
    for (std::size_t i = 0; i < lanes; ++i) each[i] += values[c + i];
  const float mean = total(each) / norm.count;
  float squares[lanes] = {};
  for (std::size_t c = 0; c < channels; c += lanes)
    for (std::size_t i = 0; i < lanes; ++i) {
      const float off = (values[c + i] - mean) * norm.real[c + i];
      values[c + i] = off;
      squares[i] += off * off;
    }
  const float factor = 1.0f / std::sqrt(total(squares) / norm.count + 0.001f);
  for (std::size_t c = 0; c < channels; ++c) values[c] = values[c] * factor * norm.gamma[c] + norm.beta[c];
}

// One product's sums as real numbers, pixel after pixel, each `stride` floats after the last.
static void reals(const std::int16_t* rows, std::size_t row, std::size_t pixels, const Product& product, float* values,
                  std::size_t stride) {
  alignas(64) std::int32_t sums[pixels_at_once * 2 * lanes];
  for (std::size_t first = 0; first < product.outputs; first += 2 * lanes) {
    const std::size_t tiles = product.outputs - first > lanes ? 2 : 1, wide = tiles * lanes;
    products(rows, row, pixels, product.weights + first * product.inputs, product.inputs, tiles, sums);
    for (std::size_t p = 0; p < pixels; ++p)
      for (std::size_t n = 0; n < wide; ++n)
        values[p * stride + first + n] =
            static_cast<float>(sums[p * wide + n]) * product.scale[first + n] + product.bias[first + n];
  }
}

// The same through gelu and made whole.
static void activated(const std::int16_t* rows, std::size_t row, std::size_t pixels, const Product& product,
                      float to_out, std::int16_t* out, std::size_t stride) {
  alignas(64) std::int32_t sums[pixels_at_once * 2 * lanes];
  for (std::size_t first = 0; first < product.outputs; first += 2 * lanes) {
    const std::size_t tiles = product.outputs - first > lanes ? 2 : 1, wide = tiles * lanes;
    products(rows, row, pixels, product.weights + first * product.inputs, product.inputs, tiles, sums);
    for (std::size_t p = 0; p < pixels; ++p)
      for (std::size_t n = 0; n < wide; ++n)
        out[p * stride + first + n] = whole(
            gelu(static_cast<float>(sums[p * wide + n]) * product.scale[first + n] + product.bias[first + n]) * to_out);
  }
}

static void finish(const Norm& norm, std::size_t pixels, std::size_t channels, float* values, float to_out,
                   std::int16_t* out) {
  for (std::size_t p = 0; p < pixels; ++p) {
    float* here = values + p * channels;
    normalise(norm, channels, here);
    for (std::size_t c = 0; c < channels; ++c) out[p * channels + c] = whole(gelu(here[c]) * to_out);
  }
}

// The pixels that a stem looks at: 5 x 5 around one, then those two apart of which the first 25 lack.
static void around(const std::int16_t* centre, std::ptrdiff_t row, std::int16_t* out) {
  for (std::ptrdiff_t y = -2; y <= 2; ++y)
    for (std::ptrdiff_t x = -2; x <= 2; ++x) *out++ = centre[y * row + x];
  for (std::ptrdiff_t y = -4; y <= 4; y += 2)
    for (std::ptrdiff_t x = -4; x <= 4; x += 2)
      if (y == -4 || y == 4 || x == -4 || x == 4) *out++ = centre[y * row + x];
  *out = 0;
}

void stem(const Image& image, const Product& product, const Norm& norm, bool largest, float to_out, std::int16_t* out) {
  const std::size_t row = image.width + 8, channels = product.outputs;
  alignas(64) std::int16_t rows[pixels_at_once * stem_inputs], fine[2][pixels_at_once * channels_max];
  alignas(64) float values[pixels_at_once * channels_max];
  for (std::size_t y = 0; y < image.height; y += 2)
    for (std::size_t x = 0; x < image.width; x += pixels_at_once) {
      const std::size_t pixels = image.width - x < pixels_at_once ? image.width - x : pixels_at_once;
      for (std::size_t half = 0; half < 2; ++half) {
        const std::int16_t* centre = image.data + (y + half + 4) * row + x + 4;
        for (std::size_t p = 0; p < pixels; ++p)
          around(centre + p, static_cast<std::ptrdiff_t>(row), rows + p * stem_inputs);
        reals(rows, stem_inputs, pixels, product, values, channels);
        finish(norm, pixels, channels, values, to_out, fine[half]);
      }
      std::int16_t* to = out + (y / 2 * (image.width / 2) + x / 2) * channels;
      for (std::size_t p = 0; p < pixels; p += 2)
        for (std::size_t c = 0; c < channels; ++c) {
          const int a = fine[0][p * channels + c], b = fine[0][(p + 1) * channels + c];
          const int d = fine[1][p * channels + c], e = fine[1][(p + 1) * channels + c];
          const int ab = a > b ? a : b, de = d > e ? d : e;
          to[p / 2 * channels + c] = static_cast<std::int16_t>(largest ? (ab > de ? ab : de) : (a + b + d + e + 2) >> 2);
        }
    }
}

void separable(const Image& image, const Depthwise& kernel, const Product& product, const Norm& norm, float to_out,
               std::int16_t* out) {
  const std::size_t channels = kernel.channels, row = (image.width + kernel.size - 1) * channels;
  alignas(64) std::int32_t sums[pixels_at_once * channels_max];
  alignas(64) std::int16_t middle[pixels_at_once * channels_max];
  alignas(64) float values[pixels_at_once * channels_max];
  for (std::size_t y = 0; y < image.height; ++y)
    for (std::size_t x = 0; x < image.width; x += pixels_at_once) {
      const std::size_t pixels = image.width - x < pixels_at_once ? image.width - x : pixels_at_once;
      depthwise(image.data + y * row + x * channels, row, pixels, kernel, sums);
      for (std::size_t p = 0; p < pixels; ++p)
        for (std::size_t c = 0; c < channels; ++c)
          middle[p * channels + c] = whole(static_cast<float>(sums[p * channels + c]) * kernel.scale[c]);
      reals(middle, channels, pixels, product, values, product.outputs);
      finish(norm, pixels, product.outputs, values, to_out, out + (y * image.width + x) * product.outputs);
    }
}

void bottleneck(const Image& image, const Depthwise& kernel, const Norm& norm, const Product& expand,
                const Product& reduce, const Product& adjust, float to_middle, float to_out, std::int16_t* out) {
  const std::size_t channels = kernel.channels, row = (image.width + kernel.size - 1) * channels;
  const std::size_t outputs = reduce.outputs, wide_outputs = expand.outputs;
  alignas(64) std::int32_t sums[pixels_at_once * channels_max];
  alignas(64) std::int16_t middle[pixels_at_once * channels_max], wide[pixels_at_once * channels_max];
  alignas(64) float values[channels_max], reduced[pixels_at_once * channels_max], kept[pixels_at_once * channels_max];
  for (std::size_t y = 0; y < image.height; ++y)
    for (std::size_t x = 0; x < image.width; x += pixels_at_once) {
      const std::size_t pixels = image.width - x < pixels_at_once ? image.width - x : pixels_at_once;
      const std::int16_t* from = image.data + y * row + x * channels;
      depthwise(from, row, pixels, kernel, sums);
      for (std::size_t p = 0; p < pixels; ++p) {
        for (std::size_t c = 0; c < channels; ++c)
          values[c] = static_cast<float>(sums[p * channels + c]) * kernel.scale[c];
        normalise(norm, channels, values);
        for (std::size_t c = 0; c < channels; ++c) middle[p * channels + c] = whole(values[c]);
      }
      activated(middle, channels, pixels, expand, to_middle, wide, wide_outputs);
      reals(wide, wide_outputs, pixels, reduce, reduced, outputs);
      reals(from + kernel.size / 2 * (row + channels), channels, pixels, adjust, kept, outputs);
      std::int16_t* to = out + (y * image.width + x) * outputs;
      for (std::size_t i = 0; i < pixels * outputs; ++i) to[i] = whole((reduced[i] + kept[i]) * to_out);
    }
}

void gate(const Image& image, const Product* seen, const Product& weigh, float to_middle, std::int16_t* out) {
  constexpr std::size_t channels = gate_channels, border = gate_reach, inputs = gate_taps * channels;
  constexpr std::size_t dilations[gates] = {1, 3, 6}, wide = gates * lanes;
  const std::size_t row = (image.width + 2 * border) * channels;
  alignas(64) std::int16_t rows[pixels_at_once * inputs], middle[pixels_at_once * wide];
  alignas(64) float values[pixels_at_once * channels];
  for (std::size_t y = 0; y < image.height; ++y)
    for (std::size_t x = 0; x < image.width; x += pixels_at_once) {
      const std::size_t pixels = image.width - x < pixels_at_once ? image.width - x : pixels_at_once;
      const std::int16_t* centre = image.data + (y + border) * row + (x + border) * channels;
      for (std::size_t g = 0; g < gates; ++g) {
        const std::size_t reach = dilations[g];
        const std::int16_t* first = centre - reach * row - reach * channels;
        for (std::size_t p = 0; p < pixels; ++p)
          for (std::size_t tap = 0; tap < gate_taps; ++tap)
            std::memcpy(rows + p * inputs + tap * channels,
                        first + tap / 3 * reach * row + (p + tap % 3 * reach) * channels,
                        channels * sizeof(std::int16_t));
        activated(rows, inputs, pixels, seen[g], to_middle, middle + g * lanes, wide);
      }
      reals(middle, wide, pixels, weigh, values, channels);
      std::int16_t* to = out + (y * image.width + x) * channels;
      for (std::size_t i = 0; i < pixels * channels; ++i)
        to[i] = whole(static_cast<float>(centre[i]) * sigmoid(values[i]));
    }
}

}  // namespace cccd::extraction::CCCD_LEVEL
