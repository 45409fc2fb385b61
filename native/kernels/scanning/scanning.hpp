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

// --- people of ten fingers sifted: by the first 48 of each finger's numbers of four bits, then by all

constexpr std::size_t fingers = 10;
constexpr std::size_t group_people = 16;
constexpr std::size_t groups_at_once = 32;
constexpr std::size_t sketch_bytes = 24;  // of a finger
constexpr std::size_t sketch_step = 4;    // bytes of one person that lie together
constexpr std::size_t sketch_width = fingers * sketch_bytes;

// Who is sifted, in groups of sixteen people of one class (who have the same fingers): sketches[group][finger][6][16][4]
// are numbers plus 8; slots say which row of the codes each of the sixteen is, below zero for nobody.
struct Crowd {
  const std::uint8_t* sketches;
  const std::int32_t* slots;
  const std::uint16_t* classes;
  std::size_t groups;
  const std::uint8_t* steps;  // [row][steps_width]
  std::size_t steps_width;
};

// Who they are sifted by: sketches[probe][finger][6][half][4]. There is one laying, in which the fingers lie as stated,
// or there are three, with the hands exchanged in the second and all but the thumbs (fingers 0 and 5) in the third. A
// sketch is worth the sum of products; of three layings what the hands l and r of a probe are worth to those of a
// person, L and R, is h (L + R) + k (L - R), h and k the halves of l + r and l - r, rounded down, and less k (L - R)
// where a finger is exchanged. All else is there for each laying: floors[laying][probe][class], and probes as for
// `steps`.
struct Sieves {
  const std::int8_t* sketches;
  const std::uint8_t* steps;
  const std::int32_t *sketch_floors, *step_floors;
  std::size_t layings, count, classes;  // 1 or 3 layings
};

struct Left {
  std::uint32_t probe, row, laying;
  std::int32_t value;  // of the numbers of four bits
};

// Both write the pairs that reach their floor, ordered by block of rows, then probe, then row; they return how many
// there are in all, of which the first `capacity` are stored.
//
// signs: the value is less the number of bits that differ. A probe is its code and then a mask, both `width` bytes; what
// the mask has not is not looked at.
// steps: the value is the sum of products of numbers of four bits, two to a byte of a row. A probe is 2 `width` signed
// bytes: what belongs to the lower halves of the row's bytes, then what to the upper ones.
//
// sift: writes the pairs that reach both floors, ordered by `groups_at_once` groups, then probe, then laying, then
// group and place in it; returns as they do.
// sign_moments, step_moments: of each probe the sum over all rows of what they are worth, and of the squares; out[probe][2].
#define CCCD_SCANNING_LEVEL(level)                                         \
  namespace level {                                                        \
  std::size_t sift(const Sieves&, const Crowd&, Left*, std::size_t capacity); \
  void sign_moments(const std::uint8_t* probes, std::size_t count, const std::uint8_t* rows, std::size_t row_count, \
                    std::size_t width, std::int64_t* out);                 \
  void step_moments(const std::uint8_t* probes, std::size_t count, const std::uint8_t* rows, std::size_t row_count, \
                    std::size_t width, std::int64_t* out);                 \
  std::size_t signs(const Probes&, const Rows&, Hit*, std::size_t capacity); \
  std::size_t steps(const Probes&, const Rows&, Hit*, std::size_t capacity); \
  }
CCCD_SCANNING_LEVEL(serial)
CCCD_SCANNING_LEVEL(avx2)
CCCD_SCANNING_LEVEL(avx512)
#undef CCCD_SCANNING_LEVEL

}  // namespace cccd::scanning
