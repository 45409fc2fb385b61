// Minutiae to the words of a prepared finger. Twin of src/cccd_core/matching/kernels/prepare.py, bit for bit.
//
// Doubles with +, -, *, / and one square root, each rounded on its own, summed in the order of the minutiae. The
// packing of a finger is told in matching/prepared.py.
#pragma once
#include <cstddef>
#include <cstdint>

namespace cccd::preparing {

constexpr int minutiae_max = 120;
constexpr int cylinders_max = 64;
constexpr int neighbours_max = 255;
constexpr int sections = 6;
constexpr int lanes = 8;  // the sections, padded
constexpr int code_words = 5;
constexpr int steps = 256;  // angle steps in a full turn
constexpr int spatial_max = 1 << 20;
constexpr std::size_t scales_max = 4;

// `count` minutiae in any order: places in pixels, which `scale_x` and `scale_y` bring to 500 dpi, y up; binary angles.
struct Minutiae {
  std::size_t count;
  const std::uint16_t* x;
  const std::uint16_t* y;
  const std::uint16_t* angle;
  const std::uint8_t* kind;
  const std::uint8_t* quality;
  double scale_x, scale_y;
};

// spatial: reach2 + 2 numbers, by squared distance, the last for all that is further; angular: steps x lanes.
struct Tables {
  double radius, threshold, crowd_reach;
  const double* spatial;
  int reach2;
  const double* angular;
  const double* cosines;
  const double* sines;
};

// Fills `words` (1 + kept + code_words * cylinders, for each of `scales` tables one after the other) with a finger and
// `order` (min(count, neighbours_max)) with its minutiae: the nearest to the centre come first; `cylinders` of them get a cylinder, `kept` of them stay in the
// finger, the rest are neighbours only. cylinders <= cylinders_max, kept <= minutiae_max, cylinders <= kept <= count <
// 2^32. Any numbers may stand in the rest: nothing is read or written outside the arrays.
using FingerFn = void (*)(const Minutiae& minutiae, const Tables* tables, std::size_t scales, int kept, int cylinders,
                          std::int64_t* order, std::uint64_t* words);

#define CCCD_PREPARING_LEVEL(level)                                                                      \
  namespace level {                                                                                      \
  void finger(const Minutiae&, const Tables*, std::size_t, int, int, std::int64_t*, std::uint64_t*);     \
  }
CCCD_PREPARING_LEVEL(serial)
CCCD_PREPARING_LEVEL(avx2)
CCCD_PREPARING_LEVEL(avx512)
#undef CCCD_PREPARING_LEVEL

}  // namespace cccd::preparing
