#include "calibrating.hpp"

#include <algorithm>

namespace cccd::calibrating {

static double chance_of(const double* chance, std::uint64_t word) {
  return (chance[word >> 24 & 0xff] + chance[256 + (word >> 32 & 0xff)]) + chance[512 + (word >> 40 & 0xff)];
}

static double levelled(const double* n, double chance, double stretch, double x) {
  const double reached = std::max(n[base] + chance, n[least]);
  if (x > reached) return n[level] + (x - reached) * stretch;
  const double start = reached < n[level] ? n[raised_from] : n[lowered_from];
  const double part = std::min(std::max((x - start) / (reached - start), 0.0), 1.0);
  return x - (reached - n[level]) * part;
}

static double mapped(const Map& map, double x) {
  const double *raw = map.raw, *score = map.score;
  const std::size_t last = map.knots - 1;
  if (x > raw[last])
    return score[last] + (score[last] - score[last - 1]) / (raw[last] - raw[last - 1]) * (x - raw[last]);
  if (!(x >= raw[0])) return score[0];
  const std::size_t k = static_cast<std::size_t>(std::upper_bound(raw, raw + map.knots, x) - raw) - 1;
  if (k == last || raw[k] == x) return score[k];
  return (score[k + 1] - score[k]) / (raw[k + 1] - raw[k]) * (x - raw[k]) + score[k];
}

void scores(const Map& map, std::uint64_t probe, const std::uint64_t* words, const std::int64_t* offsets,
            std::size_t count, float* scores) {
  const double* n = map.numbers;
  const double own = map.chance ? chance_of(map.chance, probe) : 0.0;
  const float each = static_cast<float>(n[most_per_minutia]);
  for (std::size_t k = 0; k < count; ++k) {
    const std::uint64_t word = words[offsets[k]];
    double x = scores[k];
    const std::uint64_t smaller = std::min(probe & 0xff, word & 0xff);
    if (map.chance) {
      const double chance = (own + chance_of(map.chance, word)) + map.chance[3 * 256 + smaller];
      x = levelled(n, chance, map.chance[4 * 256 + smaller], x);
    }
    scores[k] = std::min(static_cast<float>(mapped(map, x)), each * static_cast<float>(smaller));
  }
}

}  // namespace cccd::calibrating
