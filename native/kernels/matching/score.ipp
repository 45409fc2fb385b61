// Scoring, shared by all levels: plain loops over arrays padded to 16, which the compiler turns into the level's
// vectors.
#include "figures.ipp"

namespace cccd::matching::CCCD_LEVEL {

static inline f32 weigh(const f32* weight, const f32* feature, int n) {
  f32 sum = weight[0];
  for (int k = 0; k < n; ++k) sum += weight[k + 1] * feature[k];
  return sum;
}

// The raw score of w.a and the candidate. With `features` nothing exits early and they are written there.
static f32 score(Work& w, const Tables& t, const u64* candidate, f32* features) {
  const f32* set = t.settings;
  const f32* first_weight = t.weights;
  const f32* second_weight = first_weight + 1 + first_features;
  const f32* final_weight = second_weight + 1 + second_features;
  const f32* exits = final_weight + 1 + features_count;
  load(w.candidate, candidate, set[similarity_offset]);
  if (w.probe.cylinders == 0 || w.candidate.cylinders == 0) return 0.0f;
  const bool turned = comes_first(w.candidate, w.probe);
  w.a = turned ? &w.candidate : &w.probe;
  w.b = turned ? &w.probe : &w.candidate;
  similarities(w);

  int mutual = 0;
  const int wanted = std::min(static_cast<int>(set[candidates]), pairs_max);
  const int found = choose(w, wanted, &mutual);
  if (found == 0) return 0.0f;
  fill(w, t, found);
  u32 sum = 0, squares = 0;
  for (int k = 0; k < found; ++k) {
    const u32 s = w.key[k] >> 12;
    sum += s;
    squares += s * s;
  }
  pad_pairs(w.pairs);
  compatibility(w, set[length_tolerance2], set[length_slope2], set[side_tolerance2], set[side_slope2],
                set[rotation_gate]);
  f32 total = 0.0f;
  const f32 eigenvalue = relax(w, static_cast<int>(set[relaxation_rounds]), &total);
  f32 most = 0.0f;
  for (int k = 0; k < found; ++k) most = std::max(most, w.support[k]);

  f32 f[features_count] = {};
  const int low = std::min(w.a->n, w.b->n), effective = std::min(w.a->effective, w.b->effective);
  const f32 size = 1.0f / std::sqrt(0.5f * static_cast<f32>(effective) + 8.0f);
  f[0] = static_cast<f32>(sum) * step / static_cast<f32>(wanted);
  f[1] = std::sqrt(static_cast<f32>(squares) * (step * step) / static_cast<f32>(wanted));
  f[2] = static_cast<f32>(mutual) * size;
  f[3] = eigenvalue;
  f[4] = std::sqrt(total);
  f[5] = std::sqrt(most);
  f[6] = static_cast<f32>(low);
  f[7] = t.logarithms[low];
  f[8] = t.logarithms[std::max(w.a->effective, w.b->effective)];
  const f32 first = weigh(first_weight, f, first_features);
  if (!features && first < exits[0]) return std::max(std::min(first, exits[1]), 0.0f);

  load_directions(w.candidate, t);
  if (!turned) load_bands(w.candidate);
  place_rigidly(w, t, size, f + first_features);
  const f32 second = weigh(second_weight, f, second_features);
  if (!features && second < exits[1]) return std::max(second, 0.0f);

  load_hull(w.candidate);
  load_worth(w.candidate);
  const f32 agrees = place_thoroughly(w, t, f[first_features + 2]);
  align(w, t, w.pairing);
  final_figures(w, t, w.pairing, f + second_features);
  f[features_count - 2] = agrees;
  f[features_count - 1] = agrees * size;
  if (features) std::memcpy(features, f, sizeof f);
  return std::max(weigh(final_weight, f, features_count), 0.0f);
}

static void score_all(Work& w, const Tables& t, const u64* probe, const u64* words, const std::int64_t* offsets,
                      std::size_t start, std::size_t stop, f32* out, f32* features) {
  load(w.probe, probe, t.settings[similarity_offset]);
  load_directions(w.probe, t);
  load_bands(w.probe);
  load_hull(w.probe);
  load_worth(w.probe);
  for (std::size_t finger = start; finger < stop; ++finger) {
    f32* row = features ? features + (finger - start) * features_count : nullptr;
    out[finger - start] = score(w, t, words + offsets[finger], row);
  }
}

void scores(const Tables& t, const std::uint64_t* probe, const std::uint64_t* words, const std::int64_t* offsets,
            std::size_t start, std::size_t stop, float* out, float* features) {
  static thread_local Work work;
  Work* w = &work;
  asm("" : "+r"(w));  // the compiler forgets whose address it is, and so asks the thread for it once, not in every loop
  score_all(*w, t, probe, words, offsets, start, stop, out, features);
}

}  // namespace cccd::matching::CCCD_LEVEL
