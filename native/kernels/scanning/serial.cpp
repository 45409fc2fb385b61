#define CCCD_LEVEL serial
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

}  // namespace cccd::scanning::serial
