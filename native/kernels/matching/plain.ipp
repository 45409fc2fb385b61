// The parts that each level writes in its own way, in plain form.
#include "score.ipp"

namespace cccd::matching::CCCD_LEVEL {

// similarity[i][j]: common bits over the geometric mean of both counts of bits, in steps of 1/1024. row_best[i] is
// similarity << 8 | 255 - j for the best j (the lowest of equals), column_best[j] likewise.
static void similarities(Work& w) {
  const Finger &a = w.a, &b = w.b;
  for (int j = 0; j < padded(b.cylinders); ++j) w.column_best[j] = 0;
  for (int i = 0; i < a.cylinders; ++i) {
    u32* row = w.similarity + i * cylinders_max;
    const f32 scale = a.scale[i] * steps;
    u32 best = 0;
    for (int j = 0; j < b.cylinders; ++j) {
      int common = 0;
      for (int k = 0; k < code_halves; ++k) common += __builtin_popcount(a.code[k][i] & b.code[k][j]);
      const u32 s = static_cast<u32>(static_cast<i32>(static_cast<f32>(common) * scale * b.scale[j]));
      row[j] = s;
      best = std::max(best, s << 8 | (255u - static_cast<u32>(j)));
      w.column_best[j] = std::max(w.column_best[j], s << 8 | (255u - static_cast<u32>(i)));
    }
    w.row_best[i] = best;
    for (int j = b.cylinders; j < padded(b.cylinders); ++j) row[j] = 0;
  }
}

// A block of 16 x 16 of a matrix with rows of pairs_max.
static void transpose(const f32* from, f32* to) {
  for (int r = 0; r < lanes; ++r)
    for (int c = 0; c < lanes; ++c) to[c * pairs_max + r] = from[r * pairs_max + c];
}

// The cheapest partner of a placed minutia: cost << 8 | j, or none; column_key[j] takes cost << 8 | i where that is less.
static u32 nearest(const Work& w, const Place& at, u32* column_key) {
  const Finger& b = w.b;
  u32 best = none;
  for (int j = 0; j < b.n; ++j) {
    const f32 dx = b.x[j] - at.x, dy = b.y[j] - at.y, d = (dx * dx + dy * dy) * at.inverse;
    const f32 e = (1.0f - (at.cos * b.cos[j] + at.sin * b.sin[j])) * at.gate;
    if (!(d < 1.0f) || !(e < 1.0f)) continue;
    f32 extra = at.absent;
    if (at.i < w.a.cylinders && j < b.cylinders)
      extra = at.unlike * static_cast<f32>(1024 - static_cast<i32>(w.similarity[at.i * cylinders_max + j]));
    const f32 sum = d + e + extra, cost = sum < 8.0f ? sum : 8.0f;
    const u32 key = static_cast<u32>(static_cast<i32>(cost * 4096.0f)) << 8;
    best = std::min(best, key | static_cast<u32>(j));
    column_key[j] = std::min(column_key[j], key | static_cast<u32>(at.i));
  }
  return best;
}

}  // namespace cccd::matching::CCCD_LEVEL
