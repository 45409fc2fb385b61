// The depthwise convolution of the levels with 256 bits; `dot` is the level's.
namespace cccd::extraction::CCCD_LEVEL {

template <std::size_t size, std::size_t pixels>
static void window(const std::int16_t* from, std::size_t row, const std::int16_t* weights, std::size_t channels,
                   std::int32_t* sums) {
  auto at = [](const std::int16_t* place) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(place)); };
  __m256i low[pixels] = {}, high[pixels] = {};
  for (std::size_t y = 0; y < size; y += 2) {
    // the last row of an odd number has a second one of weight 0: itself
    const std::int16_t* above = from + y * row;
    const std::int16_t* below = y + 1 < size ? above + row : above;
#pragma GCC unroll 16
    for (std::size_t x = 0; x < size + pixels - 1; ++x) {
      const __m256i a = at(above + x * channels), b = at(below + x * channels);
      const __m256i ab = _mm256_unpacklo_epi16(a, b), cd = _mm256_unpackhi_epi16(a, b);
#pragma GCC unroll 8
      for (std::size_t p = 0; p < pixels; ++p) {
        if (x < p || x - p >= size) continue;
        const std::int16_t* here = weights + (y / 2 * size + x - p) * 2 * channels;
        low[p] = dot(low[p], ab, at(here));
        high[p] = dot(high[p], cd, at(here + 16));
      }
    }
  }
  for (std::size_t p = 0; p < pixels; ++p) {
    auto* to = reinterpret_cast<__m256i*>(sums + p * channels);
    _mm256_storeu_si256(to, _mm256_permute2x128_si256(low[p], high[p], 0x20));
    _mm256_storeu_si256(to + 1, _mm256_permute2x128_si256(low[p], high[p], 0x31));
  }
}

template <std::size_t size>
static void windows(const std::int16_t* from, std::size_t row, std::size_t pixels, const Depthwise& kernel,
                    std::int32_t* sums) {
  const std::size_t channels = kernel.channels;
  for (std::size_t c = 0; c < channels; c += lanes) {
    std::size_t p = 0;
    for (; p + window_pixels <= pixels; p += window_pixels)
      window<size, window_pixels>(from + p * channels + c, row, kernel.weights + 2 * c, channels, sums + p * channels + c);
    for (; p < pixels; ++p)
      window<size, 1>(from + p * channels + c, row, kernel.weights + 2 * c, channels, sums + p * channels + c);
  }
}

static void depthwise(const std::int16_t* from, std::size_t row, std::size_t pixels, const Depthwise& kernel,
                      std::int32_t* sums) {
  if (kernel.size == 5)
    windows<5>(from, row, pixels, kernel, sums);
  else
    windows<7>(from, row, pixels, kernel, sums);
}

}  // namespace cccd::extraction::CCCD_LEVEL
