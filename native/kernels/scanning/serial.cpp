#define CCCD_LEVEL serial
#define CCCD_EIGHT EightWords
#include "eight_words.hpp"
#include "scan.ipp"

#include <bit>
#include <cstring>

namespace cccd::scanning::serial {

static std::uint64_t word(const std::uint8_t* from) {
  std::uint64_t value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

static unsigned reaching(const std::int32_t* worth, const std::uint16_t* present, const std::int32_t* floors,
                         std::size_t count) {
  unsigned found = 0;
  for (std::size_t r = 0; r < count; ++r) found |= (worth[r] >= floors[present[r] % presences] ? 1u : 0u) << r;
  return found;
}

static void sign_values(const std::uint8_t* probe, const std::uint8_t* rows, std::size_t width, std::size_t count,
                        std::int32_t* out) {
  for (std::size_t r = 0; r < count; ++r) {
    int differing = 0;
    for (std::size_t i = 0; i < width; i += width_step)
      differing += std::popcount((word(probe + i) ^ word(rows + r * width + i)) & word(probe + width + i));
    out[r] = -differing;
  }
}

static void fresh_sign_values(const std::uint8_t* probe, const std::uint8_t* rows, std::size_t width, std::size_t count,
                              std::int32_t* out) {
  sign_values(probe, rows, width, count, out);
}

static void step_values(const std::uint8_t* probe, const std::uint8_t* rows, std::size_t width, std::size_t count,
                        std::int32_t* out) {
  for (std::size_t r = 0; r < count; ++r) {
    const std::uint8_t* row = rows + r * width;
    int total = 0;
    for (std::size_t i = 0; i < width; ++i)
      total += static_cast<std::int8_t>(probe[i]) * ((row[i] & 15 ^ 8) - 8) +
               static_cast<std::int8_t>(probe[width + i]) * ((row[i] >> 4 ^ 8) - 8);
    out[r] = total;
  }
}

static void scattered_sign_values(const std::uint8_t* probe, const std::uint8_t* const* rows, std::size_t width,
                                  std::int32_t* out) {
  for (std::size_t r = 0; r < rows_at_once; ++r) sign_values(probe, rows[r], width, 1, out + r);
}

static void scattered_step_values(const std::uint8_t* probe, const std::uint8_t* const* rows, std::size_t width,
                                  std::int32_t* out) {
  for (std::size_t r = 0; r < steps_at_once; ++r) step_values(probe, rows[r], width, 1, out + r);
}

static Eight differing(const Eight& counts, const std::uint64_t* words, std::uint64_t code, std::uint64_t mask) {
  Eight more = counts;
  for (std::size_t r = 0; r < rows_at_once; ++r)
    more.of[r] += static_cast<std::uint64_t>(std::popcount((words[r] ^ code) & mask));
  return more;
}

static Eight sum_of(const Eight& a, const Eight& b) {
  Eight sum = a;
  for (std::size_t r = 0; r < rows_at_once; ++r) sum.of[r] += b.of[r];
  return sum;
}

static unsigned at_most(const Eight& counts, std::int64_t most) {
  unsigned found = 0;
  for (std::size_t r = 0; r < rows_at_once; ++r)
    found |= (static_cast<std::int64_t>(counts.of[r]) <= most ? 1u : 0u) << r;
  return found;
}

static std::size_t keep(unsigned chosen, const std::int32_t* numbers, std::int32_t* out) {
  std::size_t kept = 0;
  for (std::size_t r = 0; r < rows_at_once; ++r) {
    out[kept] = numbers[r];
    kept += (chosen >> r & 1) && numbers[r] >= 0;
  }
  return kept;
}

}  // namespace cccd::scanning::serial
