// 1:1 scoring: one prepared finger against many. Twin of src/cccd_core/matching/kernels/score.py, bit for bit.
//
// Only +, -, *, / and square root of float32 occur, each rounded on its own, and every sum has a fixed order
// (lanes.ipp), so that all levels and the Numba twin give the same bits. The packing of a finger is told in
// matching/prepared.py.
#pragma once
#include <cstddef>
#include <cstdint>

namespace cccd::matching {

constexpr int minutiae_max = 120;
constexpr int cylinders_max = 64;
constexpr int code_words = 5;
constexpr int points_max = 128;  // minutiae_max, padded

// Which of the numbers in `settings` is which; MatcherParameters.settings in matching/parameters.py has the same.
enum Setting : int {
  similarity_offset, candidates, relaxation_rounds,
  length_tolerance2, length_slope2, side_tolerance2, side_slope2, rotation_gate,
  hypotheses, pairing_tolerance_px, pairing_gate, final_tolerance_px, final_gate, dissimilarity_cost,
  elastic_reach2, elastic_stiffness, overlap_margin_px,
  check_length_tolerance2, check_length_slope2, check_side_tolerance2, check_side_slope2, check_rotation_gate,
  check_reach2,
  settings_count
};

// What is measured of a pair; matching/weights.py says it in words.
enum Feature : int {
  // known after relaxation
  mean_similarity, rms_similarity, mutual_by_size, principal_eigenvalue, root_support, root_largest_support,
  fewer_minutiae, log_fewer_minutiae, log_more_effective,
  // known after the rigid check
  first_support, best_support, rigid_agreement, rigid_agreement_by_size, rigid_pairs,
  // known after the elastic check
  final_pairs, paired_worth, close_worth, close_alike, pair_similarity, pair_distance, pair_turn, paired_quality,
  consistent_pairs, root_consistency, consistency_by_neighbours, root_common_minutiae, pair_spread, close_alike_worth,
  unpaired_worth, best_agreement, best_agreement_by_size,
  features_count
};
constexpr int first_features = first_support;  // known after relaxation
constexpr int second_features = final_pairs;   // these, and those known after the rigid check

// Where in `weights` what begins: a bias and one weight for each feature, three times; then the two exit levels.
enum Weight : int {
  first_weights = 0,
  second_weights = first_weights + 1 + first_features,
  final_weights = second_weights + 1 + second_features,
  first_exit = final_weights + 1 + features_count,
  second_exit = first_exit + 1,
  weights_count = second_exit + 1
};

// cosines, sines: 256 each, of 256ths of a turn; logarithms: 256, of max(1, i).
struct Tables {
  const float* settings;
  const float* weights;
  const float* cosines;
  const float* sines;
  const float* logarithms;
};

// Whether `count` words can be a prepared finger: all that the kernels rely on.
inline bool is_finger(const std::uint64_t* words, std::size_t count) {
  if (count == 0) return false;
  const std::uint64_t n = words[0] & 0xff, cylinders = words[0] >> 8 & 0xff, corners = words[0] >> 16 & 0xff;
  return n <= minutiae_max && cylinders <= cylinders_max && cylinders <= n && corners <= n &&
         count == 1 + n + code_words * cylinders;
}

// Raw scores of `probe` against fingers start..stop of a gallery; out[finger - start]. With `features` not null
// (training), nothing exits early and features_count numbers a finger are written there.
using ScoresFn = void (*)(const Tables& tables, const std::uint64_t* probe, const std::uint64_t* words,
                          const std::int64_t* offsets, std::size_t start, std::size_t stop, float* out,
                          float* features);

// Packed fingers: finger i begins at words[offsets[i]].
struct Fingers {
  const std::uint64_t* words;
  const std::int64_t* offsets;
};

// Raw scores of `count` pairs (probe, candidate); fast where pairs of one probe follow each other.
using PairScoresFn = void (*)(const Tables& tables, const Fingers& probes, const Fingers& candidates,
                              const std::int64_t* pairs, std::size_t count, float* out);

// Why one pair scores what it does. The paired minutiae are the first `pairs` of `ends` and `similarities`; `placing`
// takes the probe onto the candidate: cosine, sine, x, y.
struct Explanation {
  float* features;      // features_count
  std::int64_t* ends;   // 2 x points_max: of the probe, of the candidate
  float* similarities;  // points_max
  float* placing;       // 4
  std::uint8_t* inside; // 2 x points_max: which minutiae of the probe and the candidate lie in the common area
};

// Fills the explanation of one pair, followed to its end, and returns how many minutiae it paired.
using ExplainFn = int (*)(const Tables& tables, const std::uint64_t* probe, const std::uint64_t* candidate,
                          const Explanation& out);

#define CCCD_MATCHING_LEVEL(level)                                                                            \
  namespace level {                                                                                           \
  void scores(const Tables&, const std::uint64_t*, const std::uint64_t*, const std::int64_t*, std::size_t,    \
              std::size_t, float*, float*);                                                                   \
  void pair_scores(const Tables&, const Fingers&, const Fingers&, const std::int64_t*, std::size_t, float*);  \
  int explain(const Tables&, const std::uint64_t*, const std::uint64_t*, const Explanation&);                 \
  }
CCCD_MATCHING_LEVEL(serial)
CCCD_MATCHING_LEVEL(avx2)
CCCD_MATCHING_LEVEL(avx512)
#undef CCCD_MATCHING_LEVEL

}  // namespace cccd::matching
