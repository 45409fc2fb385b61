// What raw scores say of the false match rate. Twin of Calibration.scores in src/cccd_core/matching/calibration.py, bit
// for bit: double precision, each operation rounded on its own and in the same order, the interpolation that
// numpy.interp does.
#pragma once
#include <cstddef>
#include <cstdint>

namespace cccd::calibrating {

constexpr std::size_t chance_count = 5 * 256;

// Which of the numbers is which; Calibration.numbers has the same.
enum Number : int { base, least, level, raised_from, lowered_from, most_per_minutia, numbers_count };

// `knots` raw scores that increase and what they become; `chance`: what each octet of a finger's first word adds
// (octets 3, 4 and 5, 256 numbers each), what the smaller count of minutiae does (256), and what it multiplies scores
// above the level with (256); or null where nothing is levelled.
struct Map {
  const double* raw;
  const double* score;
  std::size_t knots;
  const double* chance;
  const double* numbers;
};

// scores[k], raw at first, of the finger whose first word is `probe` and the one that begins at words[offsets[k]].
void scores(const Map& map, std::uint64_t probe, const std::uint64_t* words, const std::int64_t* offsets,
            std::size_t count, float* scores);

}  // namespace cccd::calibrating
