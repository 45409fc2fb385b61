// Scan over rows of codes, blocked over probes. Twin of src/cccd_core/dedup/kernels/scanning.py, bit for bit.
//
// A row is a person's fingers end to end, or one finger: `width` bytes, zeros where a finger is missing, and a word of
// at most ten bits that says which are there. A probe asks for all rows that are worth no less than `floors` has for
// such a word, so that a row is compared with what its own fingers can be worth. Rows are visited in blocks that stay
// in the first-level cache while every probe passes over them.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace cccd::scanning {

constexpr std::size_t presences = 1024;
constexpr std::size_t width_step = 8;  // a row is whole 64-bit words
constexpr std::size_t width_max = 8192;
constexpr std::size_t rows_at_once = 8;
constexpr std::size_t block_bytes = 24576;

// How many rows stay in the cache together; the order of what is found goes by it.
constexpr std::size_t block_rows(std::size_t width) {
  return std::max<std::size_t>(1, block_bytes / width / rows_at_once) * rows_at_once;
}

struct Hit {
  std::uint32_t probe;
  std::uint32_t row;
  std::int32_t value;
};

struct Rows {
  const std::uint8_t* codes;  // [count][width]
  const std::uint16_t* present;
  std::size_t count, width;
};

// floors[probe][presence]: the least value of a row of that presence.
struct Probes {
  const std::uint8_t* codes;
  std::size_t count;
  const std::int32_t* floors;
};

// Both write the pairs that reach their floor, ordered by block of rows, then probe, then row; they return how many
// there are in all, of which the first `capacity` are stored.
//
// signs: the value is less the number of bits that differ. A probe is its code and then a mask, both `width` bytes; what
// the mask has not is not looked at.
// steps: the value is the sum of products of numbers of four bits, two to a byte of a row. A probe is 2 `width` signed
// bytes: what belongs to the lower halves of the row's bytes, then what to the upper ones.
#define CCCD_SCANNING_LEVEL(level)                                         \
  namespace level {                                                        \
  std::size_t signs(const Probes&, const Rows&, Hit*, std::size_t capacity); \
  std::size_t steps(const Probes&, const Rows&, Hit*, std::size_t capacity); \
  }
CCCD_SCANNING_LEVEL(serial)
CCCD_SCANNING_LEVEL(avx2)
CCCD_SCANNING_LEVEL(avx512)
#undef CCCD_SCANNING_LEVEL

}  // namespace cccd::scanning
