// The loop that one would write by hand for this CPU: no missing fingers, one limit, codes of 960 bytes. Compiled by
// test_scanning.py with -O3 -march=native.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

extern "C" std::size_t scan_loop(const std::uint8_t* probes, std::size_t count, const std::uint8_t* codes,
                                 std::size_t rows, int limit, std::uint32_t* out, std::size_t capacity) {
  constexpr std::size_t width = 960, block = 24;
  std::size_t found = 0;
  for (std::size_t start = 0; start < rows; start += block)
    for (std::size_t p = 0; p < count; ++p) {
      const std::uint8_t* probe = probes + p * width;
      for (std::size_t row = start; row < start + block && row < rows; ++row) {
        __m512i sum = _mm512_setzero_si512();
        for (std::size_t i = 0; i < width; i += 64)
          sum = _mm512_add_epi64(sum, _mm512_popcnt_epi64(_mm512_xor_si512(_mm512_loadu_si512(probe + i),
                                                                           _mm512_loadu_si512(codes + row * width + i))));
        const int differing = static_cast<int>(_mm512_reduce_add_epi64(sum));
        if (differing <= limit) {
          if (found < capacity) {
            out[3 * found] = static_cast<std::uint32_t>(p);
            out[3 * found + 1] = static_cast<std::uint32_t>(row);
            out[3 * found + 2] = static_cast<std::uint32_t>(differing);
          }
          ++found;
        }
      }
    }
  return found;
}
