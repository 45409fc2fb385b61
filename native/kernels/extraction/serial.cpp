#define CCCD_LEVEL serial
#include "layers.ipp"

namespace cccd::extraction::serial {

static void products(const std::int16_t* rows, std::size_t stride, std::size_t pixels, const std::int16_t* weights,
                     std::size_t inputs, std::size_t tiles, std::int32_t* sums) {
  for (std::size_t p = 0; p < pixels; ++p)
    for (std::size_t tile = 0; tile < tiles; ++tile) {
      std::int32_t each[lanes] = {};
      const std::int16_t* here = weights + tile * lanes * inputs;
      for (std::size_t k = 0; k < inputs; k += 2) {
        const std::int32_t a = rows[p * stride + k], b = rows[p * stride + k + 1];
        for (std::size_t n = 0; n < lanes; ++n) each[n] += a * here[k * lanes + 2 * n] + b * here[k * lanes + 2 * n + 1];
      }
      std::memcpy(sums + (p * tiles + tile) * lanes, each, sizeof each);
    }
}

static void depthwise(const std::int16_t* from, std::size_t row, std::size_t pixels, const Depthwise& kernel,
                      std::int32_t* sums) {
  const std::size_t channels = kernel.channels;
  for (std::size_t p = 0; p < pixels; ++p)
    for (std::size_t c = 0; c < channels; c += lanes) {
      std::int32_t each[lanes] = {};
      for (std::size_t y = 0; y < kernel.size; ++y)
        for (std::size_t x = 0; x < kernel.size; ++x) {
          const std::int16_t* weights = kernel.weights + ((y / 2 * kernel.size + x) * channels + c) * 2 + y % 2;
          const std::int16_t* here = from + y * row + (p + x) * channels + c;
          // a group of 16 lies as 0-3, 8-11, 4-7, 12-15
          for (std::size_t n = 0; n < lanes; ++n)
            each[n] += here[n] * weights[2 * ((n / 4 % 2) * 8 + n / 8 * 4 + n % 4)];
        }
      std::memcpy(sums + p * channels + c, each, sizeof each);
    }
}

}  // namespace cccd::extraction::serial
