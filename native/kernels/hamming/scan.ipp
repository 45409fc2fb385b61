// The loops that every level shares; the level's file defines `row_distances`.
#include <algorithm>

#include "hamming.hpp"

namespace cccd::hamming::CCCD_LEVEL {

// Distances of one probe to `count` consecutive rows.
static void row_distances(const std::uint64_t* probe, const std::uint64_t* rows, std::size_t count, std::uint16_t* out);

void distances(const std::uint64_t* probe, std::size_t probes, const std::uint64_t* gallery, std::size_t rows,
               std::uint16_t* out) {
  for (std::size_t start = 0; start < rows; start += block_rows) {
    const std::size_t count = std::min(block_rows, rows - start);
    for (std::size_t p = 0; p < probes; ++p)
      row_distances(probe + p * words, gallery + start * words, count, out + p * rows + start);
  }
}

std::size_t within(const std::uint64_t* probe, std::size_t probes, const std::uint64_t* gallery, std::size_t rows,
                   std::uint32_t limit, Hit* out, std::size_t capacity) {
  std::uint16_t block[block_rows];
  std::size_t found = 0;
  for (std::size_t start = 0; start < rows; start += block_rows) {
    const std::size_t count = std::min(block_rows, rows - start);
    for (std::size_t p = 0; p < probes; ++p) {
      row_distances(probe + p * words, gallery + start * words, count, block);
      for (std::size_t r = 0; r < count; ++r)
        if (block[r] <= limit) {
          if (found < capacity)
            out[found] = {static_cast<std::uint32_t>(p), static_cast<std::uint32_t>(start + r), block[r]};
          ++found;
        }
    }
  }
  return found;
}

}  // namespace cccd::hamming::CCCD_LEVEL
