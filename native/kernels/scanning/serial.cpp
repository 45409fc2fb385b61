#define CCCD_LEVEL serial
#include <cstddef>

namespace cccd::scanning::serial {
template <bool exchanged>
constexpr std::size_t probes_at_once = 1;
}
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

static void scattered_step_values(const std::uint8_t* probe, const std::uint8_t* const* rows, std::size_t width,
                                  std::int32_t* out) {
  for (std::size_t r = 0; r < steps_at_once; ++r) {
    int total = 0;
    for (std::size_t i = 0; i < width; ++i)
      total += static_cast<std::int8_t>(probe[i]) * ((rows[r][i] & 15 ^ 8) - 8) +
               static_cast<std::int8_t>(probe[width + i]) * ((rows[r][i] >> 4 ^ 8) - 8);
    out[r] = total;
  }
}

template <bool exchanged, std::size_t count>
static void near(const std::uint8_t* group, const std::int8_t* probes,
                 const std::int32_t (&least)[count][layings_of<exchanged>],
                 std::uint16_t (&out)[count][layings_of<exchanged>]) {
  constexpr std::size_t steps = sketch_bytes / sketch_step, step = group_people * sketch_step;
  for (std::size_t p = 0; p < count; ++p) {
    const std::int8_t* probe = probes + p * sketch_numbers;
    std::int32_t all[group_people] = {}, thumbs[group_people] = {}, others[group_people] = {};
    for (std::size_t at = 0; at < 2 * fingers * steps; ++at) {
      const std::size_t finger = at / (2 * steps);
      std::int32_t* sums = !exchanged || finger < fingers / 2 ? all : finger == fingers / 2 ? thumbs : others;
      for (std::size_t i = 0; i < step; ++i) {
        const int number = exchanged ? group[at * step + i] : group[at / 2 * step + i] >> (at % 2 ? 4 : 0) & 15;
        sums[i / sketch_step] += number * probe[at * sketch_step + i % sketch_step];
      }
    }
    auto reach = [&](std::size_t laying, int of_thumbs, int of_others) {
      unsigned found = 0;
      for (std::size_t r = 0; r < group_people; ++r)
        found |= (all[r] + of_thumbs * thumbs[r] + of_others * others[r] >= least[p][laying] ? 1u : 0u) << r;
      out[p][laying] = static_cast<std::uint16_t>(found);
    };
    reach(0, 1, 1);
    if constexpr (exchanged) {
      reach(1, -1, -1);
      reach(2, 1, -1);
    }
  }
}

template <std::size_t count>
static void group_values(const std::uint8_t* group, const std::uint8_t* probes, std::size_t width,
                         std::int32_t (&out)[count][group_people]) {
  for (std::size_t p = 0; p < count; ++p)
    for (std::size_t r = 0; r < group_people; ++r) {
      const std::int8_t* probe = reinterpret_cast<const std::int8_t*>(probes + p * 2 * width);
      out[p][r] = 0;
      for (std::size_t i = 0; i < width; ++i) {
        const int both = group[(i / sketch_step * group_people + r) * sketch_step + i % sketch_step];
        out[p][r] += (both & 15) * probe[i] + (both >> 4) * probe[width + i];
      }
    }
}

static std::size_t keep(unsigned chosen, const std::int32_t* numbers, std::int32_t* out) {
  std::size_t kept = 0;
  for (std::size_t r = 0; r < group_people; ++r) {
    out[kept] = numbers[r];
    kept += (chosen >> r & 1) && numbers[r] >= 0;
  }
  return kept;
}

}  // namespace cccd::scanning::serial
