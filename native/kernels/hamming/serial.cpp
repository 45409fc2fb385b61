#define CCCD_LEVEL serial
#include "scan.ipp"

#include <bit>

namespace cccd::hamming::serial {

static void row_distances(const std::uint64_t* probe, const std::uint64_t* rows, std::size_t count,
                          std::uint16_t* out) {
  for (std::size_t r = 0; r < count; ++r) {
    int sum = 0;
    for (std::size_t w = 0; w < words; ++w) sum += std::popcount(probe[w] ^ rows[r * words + w]);
    out[r] = static_cast<std::uint16_t>(sum);
  }
}

}  // namespace cccd::hamming::serial
