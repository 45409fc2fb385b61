// The parts that each level writes in its own way, in plain form.
#include "score.ipp"

namespace cccd::matching::CCCD_LEVEL {

// Unpacks what relaxation needs of a finger: places, angles, and of each cylinder 1 / sqrt(bits + offset).
static void load(Finger& f, const u64* words, f32 offset) {
  load_head(f, words);
  for (int i = 0; i < f.n; ++i) {
    f.x[i] = x_of(f.minutiae[i]);
    f.y[i] = y_of(f.minutiae[i]);
    f.angle[i] = angle_of(f.minutiae[i]);
  }
  for (int i = f.n; i < padded(f.n); ++i) {
    f.x[i] = far_away;
    f.y[i] = 0.0f;
    f.angle[i] = 0;
  }
  for (int i = 0; i < f.cylinders; ++i) {
    int bits = 0;
    for (int k = 0; k < code_words; ++k) bits += __builtin_popcountll(f.codes[k * f.cylinders + i]);
    f.scale[i] = 1.0f / std::sqrt(static_cast<f32>(bits) + offset);
  }
}

// similarity[i][j]: common bits over the geometric mean of both counts of bits, in steps of 1/1024. row_best[i] is
// similarity << 6 | 63 - j for the best j (the lowest of equals), column_best[j] likewise.
static void similarities(Work& w) {
  const Finger &a = *w.a, &b = *w.b;
  u32 column[cylinders_max] = {};
  for (int i = 0; i < a.cylinders; ++i) {
    i32 common[cylinders_max];
    for (int j = 0; j < b.cylinders; ++j) {
      int bits = 0;
      for (int k = 0; k < code_words; ++k)
        bits += __builtin_popcountll(a.codes[k * a.cylinders + i] & b.codes[k * b.cylinders + j]);
      common[j] = bits;
    }
    const f32 scale = a.scale[i] * steps;
    u32 best = 0;
    for (int j = 0; j < b.cylinders; ++j) {
      const u32 s = static_cast<u32>(static_cast<i32>(static_cast<f32>(common[j]) * scale * b.scale[j]));
      w.similarity[i * cylinders_max + j] = static_cast<u16>(s);
      best = std::max(best, s << 6 | (63u - static_cast<u32>(j)));
      column[j] = std::max(column[j], s << 6 | (63u - static_cast<u32>(i)));
    }
    w.row_best[i] = static_cast<u16>(best);
  }
  for (int j = 0; j < b.cylinders; ++j) w.column_best[j] = static_cast<u16>(column[j]);
}

// Candidates: the best partner of every cylinder of A, in order, then that of every cylinder of B unless those two
// chose each other. Of more than `wanted` the most similar, of equals the first, still in order. key: similarity << 12
// | i << 6 | j. Returns how many; `mutual` is how many chose each other.
static int choose(Work& w, int wanted, int* mutual) {
  u32 all[2 * cylinders_max + 1];
  int n = 0, both = 0;
  for (int i = 0; i < w.a->cylinders; ++i) {
    const u32 s = w.row_best[i] >> 6;
    all[n] = s << 12 | static_cast<u32>(i) << 6 | (63 - (w.row_best[i] & 63u));
    n += s > 0;
  }
  for (int j = 0; j < w.b->cylinders; ++j) {
    const u32 s = w.column_best[j] >> 6, i = 63 - (w.column_best[j] & 63u);
    const bool chosen = 63 - (w.row_best[i] & 63u) == static_cast<u32>(j);
    all[n] = s << 12 | i << 6 | static_cast<u32>(j);
    n += (s > 0) & !chosen;
    both += (s > 0) & chosen;
  }
  *mutual = both;
  const int taken = std::min(n, wanted);
  u32 least = 0;  // the highest similarity that so many of them reach
  for (u32 bit = 512; taken < n && bit > 0; bit >>= 1) {
    int reach = 0;
    for (int k = 0; k < n; ++k) reach += all[k] >> 12 >= (least | bit);
    least = reach >= taken ? least | bit : least;
  }
  int above = 0, place = 0;
  for (int k = 0; k < n; ++k) above += all[k] >> 12 > least;
  int equal = taken - above;
  for (int k = 0; k < n; ++k) {
    const bool same = all[k] >> 12 == least;
    if (all[k] >> 12 > least || (same && equal > 0)) w.key[place++] = all[k];
    equal -= same;
  }
  return place;
}

// The candidates as pairs.
static void fill(Work& w, const Tables& t, int n) {
  for (int k = 0; k < n; ++k)
    set_pair(w.pairs, k, t, *w.a, *w.b, static_cast<int>(w.key[k] >> 6 & 63), static_cast<int>(w.key[k] & 63),
             static_cast<f32>(w.key[k] >> 12) * step);
  w.pairs.n = n;
}

// For each placed minutia i of A, the first partners_max minutiae j of B, in order of y, that are nearer than
// `tolerance`: reached takes i << 8 | j; returns how many.
static int reachable(Work& w, const Pairing& r, f32 tolerance) {
  const Finger& b = *w.b;
  const f32 inverse = 1.0f / (tolerance * tolerance);
  int n = 0;
  for (int i = 0; i < w.a->n; ++i) {
    const int full = n + partners_max;
    const int low = band_of(b, r.py[i] - tolerance - 1.0f), high = band_of(b, r.py[i] + tolerance + 1.0f) + 1;
    for (int k = b.first[low]; k < b.first[high] && n < full; ++k) {
      const f32 dx = b.sorted_x[k] - r.px[i], dy = b.sorted_y[k] - r.py[i];
      w.reached[n] = static_cast<u32>(i << 8 | b.sorted[k]);
      n += (dx * dx + dy * dy) * inverse < 1.0f;
    }
  }
  return n;
}

// What each of these pairs costs: distance and turn as shares of what is allowed, and how unlike the cylinders are;
// `none` where the turn is more than allowed. The low 8 bits are free for an index.
static void price(Work& w, const Tables& t, const Pairing& r, f32 tolerance, f32 gate, int reached) {
  const Finger &a = *w.a, &b = *w.b;
  const f32 unlike = t.settings[dissimilarity_cost] * step;
  const f32 inverse = 1.0f / (tolerance * tolerance);
  for (int k = 0; k < reached; ++k) {
    const u32 i = w.reached[k] >> 8, j = w.reached[k] & 255;
    const f32 dx = b.x[j] - r.px[i], dy = b.y[j] - r.py[i], d = (dx * dx + dy * dy) * inverse;
    const f32 cx = r.c * a.cos[i] - r.s * a.sin[i], cy = r.s * a.cos[i] + r.c * a.sin[i];
    const f32 e = (1.0f - (cx * b.cos[j] + cy * b.sin[j])) * gate;
    const f32 cost = std::min(d + e + unlike * static_cast<f32>(1024 - alike(w, i, j)), 8.0f);
    w.cost[k] = e < 1.0f ? static_cast<u32>(static_cast<i32>(cost * 4096.0f)) << 8 : none;
  }
}

}  // namespace cccd::matching::CCCD_LEVEL
