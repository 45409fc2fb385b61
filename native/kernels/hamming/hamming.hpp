// Blocked Hamming scan over 512-bit codes. Twin of src/cccd_core/dedup/kernels/hamming.py, bit for bit.
//
// Codes are rows of eight uint64. For every probe, all gallery rows are visited in blocks that stay in the L1 cache
// while each probe of the batch passes over them; what is within `limit` bits is reported.
#pragma once
#include <cstddef>
#include <cstdint>

namespace cccd::hamming {

constexpr std::size_t words = 8;         // 512 bits
constexpr std::size_t block_rows = 256;  // 16 KiB of gallery beside the probes in L1

struct Hit {
  std::uint32_t probe;
  std::uint32_t row;
  std::uint32_t distance;
};

// Distances of every (probe, gallery) pair, row-major, `probes` x `rows` uint16.
using DistancesFn = void (*)(const std::uint64_t* probe, std::size_t probes, const std::uint64_t* gallery,
                             std::size_t rows, std::uint16_t* out);
// Pairs with distance <= limit, ordered by block of gallery rows, then probe, then row. Returns how many there are in
// all; only the first `capacity` are stored, so that a caller can come back with more room.
using WithinFn = std::size_t (*)(const std::uint64_t* probe, std::size_t probes, const std::uint64_t* gallery,
                                 std::size_t rows, std::uint32_t limit, Hit* out, std::size_t capacity);

#define CCCD_HAMMING_LEVEL(level)                                                                              \
  namespace level {                                                                                            \
  void distances(const std::uint64_t*, std::size_t, const std::uint64_t*, std::size_t, std::uint16_t*);        \
  std::size_t within(const std::uint64_t*, std::size_t, const std::uint64_t*, std::size_t, std::uint32_t, Hit*, \
                     std::size_t);                                                                             \
  }
CCCD_HAMMING_LEVEL(serial)
CCCD_HAMMING_LEVEL(avx2)
CCCD_HAMMING_LEVEL(avx512)
#undef CCCD_HAMMING_LEVEL

}  // namespace cccd::hamming
