// Scoring, shared by all levels: plain loops over arrays padded to 16, which the compiler turns into the level's
// vectors.
#include "figures.ipp"

namespace cccd::matching::CCCD_LEVEL {

// The bias at `start` and the first `n` features by the weights that follow it.
static inline f32 weigh(const Tables& t, int start, const f32* f, int n) {
  f32 total = t.weights[start];
  for (int k = 0; k < n; ++k) total += t.weights[start + 1 + k] * f[k];
  return total;
}

// The candidates, relaxed, and the figures known then; returns how many there are.
static int relaxed_figures(Work& w, const Tables& t, f32 size, f32* f) {
  const f32* set = t.settings;
  int mutual = 0;
  const int wanted = std::min(static_cast<int>(set[candidates]), pairs_max);
  const int found = choose(w, wanted, &mutual);
  if (found == 0) return 0;
  fill(w, t, found);
  u32 total_alike = 0, squares = 0;
  for (int k = 0; k < found; ++k) {
    const u32 s = w.key[k] >> 12;
    total_alike += s;
    squares += s * s;
  }
  pad_pairs(w.pairs);
  compatibility(w, set[length_tolerance2], set[length_slope2], set[side_tolerance2], set[side_slope2],
                set[rotation_gate]);
  f32 total = 0.0f;
  const f32 eigenvalue = relax(w, static_cast<int>(set[relaxation_rounds]), &total);
  f32 most = 0.0f;
  for (int k = 0; k < found; ++k) most = std::max(most, w.support[k]);
  const int low = std::min(w.a->n, w.b->n);
  f[mean_similarity] = static_cast<f32>(total_alike) * step / static_cast<f32>(wanted);
  f[rms_similarity] = std::sqrt(static_cast<f32>(squares) * (step * step) / static_cast<f32>(wanted));
  f[mutual_by_size] = static_cast<f32>(mutual) * size;
  f[principal_eigenvalue] = eigenvalue;
  f[root_support] = std::sqrt(total);
  f[root_largest_support] = std::sqrt(most);
  f[fewer_minutiae] = static_cast<f32>(low);
  f[log_fewer_minutiae] = t.logarithms[low];
  f[log_more_effective] = t.logarithms[std::max(w.a->effective, w.b->effective)];
  return found;
}

// The raw score of the probe, loaded, and the candidate of these words. With `features` nothing exits early and they
// are written there.
static f32 score(Work& w, const Tables& t, const u64* candidate, f32* features) {
  load(w.candidate, candidate, t.settings[similarity_offset]);
  if (w.probe.cylinders == 0 || w.candidate.cylinders == 0) return 0.0f;
  const bool turned = comes_first(w.candidate, w.probe);
  w.a = turned ? &w.candidate : &w.probe;
  w.b = turned ? &w.probe : &w.candidate;
  similarities(w);
  const int effective = std::min(w.a->effective, w.b->effective);
  const f32 size = 1.0f / std::sqrt(0.5f * static_cast<f32>(effective) + 8.0f);
  f32 f[features_count] = {};
  if (relaxed_figures(w, t, size, f) == 0) return 0.0f;
  const f32 first = weigh(t, first_weights, f, first_features);
  if (!features && first < t.weights[first_exit]) return std::max(std::min(first, t.weights[second_exit]), 0.0f);

  load_directions(w.candidate, t);
  if (!turned) load_bands(w.candidate);
  place_rigidly(w, t, size, f);
  const f32 second = weigh(t, second_weights, f, second_features);
  if (!features && second < t.weights[second_exit]) return std::max(second, 0.0f);

  load_hull(w.candidate);
  load_worth(w.candidate);
  place_thoroughly(w, t, size, f);
  align(w, t, w.pairing);
  final_figures(w, t, w.pairing, f);
  if (features) std::memcpy(features, f, sizeof f);
  return std::max(weigh(t, final_weights, f, features_count), 0.0f);
}

// All that a probe may be asked for, whether it is A or B.
static void load_probe(Work& w, const Tables& t, const u64* words) {
  load(w.probe, words, t.settings[similarity_offset]);
  load_directions(w.probe, t);
  load_bands(w.probe);
  load_hull(w.probe);
  load_worth(w.probe);
}

static inline Work& own_work() {
  static thread_local Work work;
  Work* w = &work;
  asm("" : "+r"(w));  // the compiler forgets whose address it is, and so asks the thread for it once, not in every loop
  return *w;
}

void scores(const Tables& t, const std::uint64_t* probe, const std::uint64_t* words, const std::int64_t* offsets,
            std::size_t start, std::size_t stop, float* out, float* features) {
  Work& w = own_work();
  load_probe(w, t, probe);
  for (std::size_t finger = start; finger < stop; ++finger) {
    f32* row = features ? features + (finger - start) * features_count : nullptr;
    out[finger - start] = score(w, t, words + offsets[finger], row);
  }
}

void pair_scores(const Tables& t, const Fingers& probes, const Fingers& candidates, const std::int64_t* pairs,
                 std::size_t count, float* out) {
  Work& w = own_work();
  std::int64_t loaded = -1;
  for (std::size_t k = 0; k < count; ++k) {
    const std::int64_t probe = pairs[2 * k], candidate = pairs[2 * k + 1];
    if (probe != loaded) load_probe(w, t, probes.words + probes.offsets[probe]);
    loaded = probe;
    out[k] = score(w, t, candidates.words + candidates.offsets[candidate], nullptr);
  }
}

int explain(const Tables& t, const std::uint64_t* probe, const std::uint64_t* candidate, const Explanation& out) {
  Work& w = own_work();
  Pairing& r = w.pairing;
  static_cast<Placing&>(r) = {};
  r.n = 0;
  std::fill_n(w.inside_a, points_max, 0);
  std::fill_n(w.inside_b, points_max, 0);
  std::fill_n(out.features, features_count, 0.0f);
  load_probe(w, t, probe);
  score(w, t, candidate, out.features);
  const bool turned = comes_first(w.candidate, w.probe);
  const int own = turned ? points_max : 0, others = points_max - own;
  std::copy_n(r.i, r.n, out.ends + own);
  std::copy_n(r.j, r.n, out.ends + others);
  std::copy_n(r.likeness, r.n, out.similarities);
  std::copy_n(w.inside_a, points_max, out.inside + own);
  std::copy_n(w.inside_b, points_max, out.inside + others);
  const f32 c = r.c, s = r.s, x = r.tx, y = r.ty;
  out.placing[0] = c;
  out.placing[1] = turned ? -s : s;
  out.placing[2] = turned ? -(c * x + s * y) : x;
  out.placing[3] = turned ? s * x - c * y : y;
  return r.n;
}

}  // namespace cccd::matching::CCCD_LEVEL
