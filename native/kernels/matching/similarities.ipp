// similarities() in plain form, for the levels that count bits one word at a time.
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
      for (int k = 0; k < code_words; ++k) common += __builtin_popcountll(a.code[k][i] & b.code[k][j]);
      const u32 s = static_cast<u32>(static_cast<i32>(static_cast<f32>(common) * scale * b.scale[j]));
      row[j] = s;
      best = std::max(best, s << 8 | (255u - static_cast<u32>(j)));
      w.column_best[j] = std::max(w.column_best[j], s << 8 | (255u - static_cast<u32>(i)));
    }
    w.row_best[i] = best;
    for (int j = b.cylinders; j < padded(b.cylinders); ++j) row[j] = 0;
  }
}

}  // namespace cccd::matching::CCCD_LEVEL
