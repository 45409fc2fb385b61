// Prepared fingers to fixed-length codes. Twin of src/cccd_core/dedup/kernels/coding.py, bit for bit.
//
// Floats with +, -, *, / and square root, each rounded on its own and added in one stated order; the long product with
// the projection is made of whole numbers, whose order does not matter. What is computed, step by step, is told in
// dedup/codes/model.py.
#pragma once
#include <cstddef>
#include <cstdint>

namespace cccd::coding {

constexpr std::size_t cylinders_max = 64;
constexpr std::size_t bits = 312;      // of a cylinder
constexpr std::size_t bit_words = 5;
constexpr std::size_t scales_max = 4;
constexpr std::size_t depth_max = 512;   // numbers that a minutia becomes
constexpr std::size_t words_max = 256;   // of the visual vocabulary
constexpr std::size_t outputs_max = 2048;
constexpr std::size_t fingers_at_once = 24;  // pass over the projection together
constexpr std::size_t rows_at_once = 8;      // of the projection, widened
constexpr std::size_t inputs_at_once = 512;
// whose sums are in registers together: fingers and rows of the projection; words of the vocabulary
constexpr std::size_t fingers_together = 3, rows_together = 4, words_together = 4;
constexpr int level = 2047;              // of a pooled finger's numbers
constexpr int int4_most = 7;

// Row-major, of the sizes said; `depth` is a multiple of 128, `vocabulary` of 16, `outputs` of 64.
struct Model {
  std::size_t scales, depth, vocabulary, outputs, coarse;
  const std::int8_t* embedding;  // [scales * bits][depth]
  const float* embedding_scale;  // [depth]
  const float* embedding_bias;   // [depth]
  const float* assignment;       // [scales * bits][vocabulary]
  const float* assignment_bias;  // [vocabulary]
  const float* centres;        // [vocabulary][depth]
  const std::int8_t* projection;  // [outputs][vocabulary * depth]
  const float* projection_scale;  // [outputs]
  const float* projection_bias;   // [outputs]
  float coarse_scale;
};

// Where a call works, of a caller's that lives as long: no level keeps anything.
struct Room {
  std::uint8_t* embedding;  // [scales * bits * depth]: the model's, 128 more each
  float* seen;           // [cylinders_max * depth]
  float* shares;         // [cylinders_max * vocabulary]
  float* sums;           // [vocabulary * depth]
  float* values;         // [fingers_at_once * outputs]
  std::int16_t* pooled;  // [fingers_at_once * vocabulary * depth]
};

// Finger f at scale s is words[offsets[f * scales + s] ..], as matching/prepared.py packs it; all of its scales have the
// same cylinders. signs: outputs / 8 bytes a finger; coarse: model.coarse / 2 bytes a finger. A finger without
// cylinders gets zeros.
#define CCCD_CODING_LEVEL(level)                                                                                 \
  namespace level {                                                                                              \
  void codes(const Model&, const Room&, const std::uint64_t* words, const std::int64_t* offsets,                 \
             std::size_t fingers, std::uint8_t* signs, std::uint8_t* coarse);                                    \
  }
CCCD_CODING_LEVEL(serial)
CCCD_CODING_LEVEL(avx2)
CCCD_CODING_LEVEL(avx512)
#undef CCCD_CODING_LEVEL

}  // namespace cccd::coding
