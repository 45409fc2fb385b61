// Candidates as pairs of minutiae, how well they agree, and relaxation.
#include "work.ipp"

namespace cccd::matching::CCCD_LEVEL {

static void set_pair(Pairs& p, int k, const Tables& t, const Finger& a, const Finger& b, int i, int j, f32 s) {
  const u64 ma = a.minutiae[i], mb = b.minutiae[j];
  p.ax[k] = x_of(ma);
  p.ay[k] = y_of(ma);
  p.bx[k] = x_of(mb);
  p.by[k] = y_of(mb);
  const int turn = (angle_of(mb) - angle_of(ma)) & 255;
  p.cos[k] = t.cosines[turn];
  p.sin[k] = t.sines[turn];
  p.s[k] = s;
}

static void pad_pairs(Pairs& p) {
  for (int k = p.n; k < padded(p.n); ++k) {
    p.ax[k] = far_away;
    p.ay[k] = p.bx[k] = p.by[k] = p.s[k] = p.sin[k] = 0.0f;
    p.cos[k] = 1.0f;
  }
}

// How well two pairs agree, 0..1: same distance between the minutiae on both sides (radial), seen in the same direction
// (sideways) after the rotation that the pairs propose, and about the same rotation. Tolerances grow with the distance.
// Pairs that share a minutia do not agree: nothing lies ahead.
static void compatibility(Work& w, f32 r0, f32 r1, f32 t0, f32 t1, f32 gate) {
  const Pairs& p = w.pairs;
  const int n16 = padded(p.n);
  const f32 start = 1.0f - gate;
  r0 *= 2.0f;
  t0 *= 2.0f;
  for (int k = 0; k < p.n; ++k) {
    f32* out = w.compatible + k * pairs_max;
    const f32 axk = p.ax[k], ayk = p.ay[k], bxk = p.bx[k], byk = p.by[k], ck = p.cos[k], sk = p.sin[k];
    for (int h = k & -lanes; h < n16; ++h) {
      const f32 ax = p.ax[h] - axk, ay = p.ay[h] - ayk, bx = p.bx[h] - bxk, by = p.by[h] - byk;
      const f32 la = ax * ax + ay * ay, lb = bx * bx + by * by, l = la + lb, radial = la - lb;
      const f32 mc = p.cos[h] + ck, ms = p.sin[h] + sk;
      const f32 ux = mc * ax - ms * ay, uy = ms * ax + mc * ay;
      const f32 side = ux * by - uy * bx, ahead = ux * bx + uy * by;
      const f32 d1 = r0 + r1 * l, d2 = t0 + t1 * l;  // twice the squared tolerances
      const f32 e = (radial * radial * d2 + side * side * d1) / (l * d1 * d2 + 1.0e-6f);
      const f32 z = (start + (p.cos[h] * ck + p.sin[h] * sk) * gate) - e;
      out[h] = (ahead > 0.0f) & (z > 0.0f) ? z * z : 0.0f;
    }
  }
  // the other half is the same, bit for bit: every term is even in the differences
  for (int r = 0; r < n16; r += lanes)
    for (int c = r + lanes; c < n16; c += lanes)
      transpose(w.compatible + r * pairs_max + c, w.compatible + c * pairs_max + r);
}

// Sixteen entries, from `k`, of the compatibilities times a vector. Rows are added up in four threads, so that additions need
// not wait for each other.
static inline V supports(const Work& w, const f32* v, int k) {
  V u[4] = {all(0.0f), all(0.0f), all(0.0f), all(0.0f)};
  const f32* row = w.compatible + k;
  int h = 0;
  for (; h + 4 <= w.pairs.n; h += 4)
    for (int l = 0; l < 4; ++l) u[l] += at(row + (h + l) * pairs_max, 0) * v[h + l];
  if (h < w.pairs.n) u[0] += at(row + h * pairs_max, 0) * v[h];
  if (h + 1 < w.pairs.n) u[1] += at(row + (h + 1) * pairs_max, 0) * v[h + 1];
  if (h + 2 < w.pairs.n) u[2] += at(row + (h + 2) * pairs_max, 0) * v[h + 2];
  return (u[0] + u[1]) + (u[2] + u[3]);
}

// Power iteration on the compatibilities weighted with the similarities: v, and support after the first round.
static f32 relax(Work& w, int rounds, f32* total) {
  const f32* s = w.pairs.s;
  const int n = w.pairs.n;
  f32 eigenvalue = 0.0f, norm = std::sqrt(sum(n, [&](int k) { return at(s, k) * at(s, k); }));
  const f32* v = s;
  for (int round = 0; round < rounds; ++round) {
    for (int k = 0; k < n; k += lanes) put(w.u, k, supports(w, v, k) * at(s, k));
    if (round == 0) {
      for (int k = 0; k < n; k += lanes) put(w.support, k, at(w.u, k));
      *total = sum(n, [&](int k) { return at(w.u, k); });
    }
    const f32 next = std::sqrt(sum(n, [&](int k) { return at(w.u, k) * at(w.u, k); }));
    eigenvalue = next / (norm + 1.0e-9f);
    const f32 inverse = 1.0f / (next + 1.0e-9f);
    for (int k = 0; k < n; k += lanes) put(w.v, k, at(w.u, k) * inverse);
    v = w.v;
    norm = next > 0.0f ? 1.0f : 0.0f;
  }
  return eigenvalue;
}

}  // namespace cccd::matching::CCCD_LEVEL
