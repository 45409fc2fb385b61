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
  p.alike[k] = s;
}

// Fills up what lies beyond the last pair: far from all, and from each other.
static void pad_pairs(Pairs& p) {
  p.ring = padded(p.n);
  for (int k = p.n; k < p.ring; ++k) {
    p.ax[k] = far_away + 1000.0f * static_cast<f32>(k);
    p.ay[k] = p.bx[k] = p.by[k] = p.alike[k] = p.sin[k] = 0.0f;
    p.cos[k] = 1.0f;
  }
  for (f32* values : {p.ax, p.ay, p.bx, p.by, p.cos, p.sin, p.alike})
    for (int k = 0; k < p.ring; k += lanes) put(values, p.ring + k, at(values, k));
}

// How well two pairs agree, 0..1: same distance between the minutiae on both sides (radial), seen in the same direction
// (sideways) after the rotation that the pairs propose, and about the same rotation. Tolerances grow with the distance.
// Pairs that share a minutia do not agree: nothing lies ahead.
static void compatibility(Work& w, f32 r0, f32 r1, f32 t0, f32 t1, f32 gate) {
  const Pairs& p = w.pairs;
  const f32 start = 1.0f - gate;
  r0 *= 2.0f;
  t0 *= 2.0f;
  for (int d = 1; d <= p.ring / 2; ++d) {
    f32* out = w.compatible + 2 * p.ring * (d - 1);
    for (int k = 0; k < p.ring; k += lanes) {
      const V cos = at(p.cos, k), sin = at(p.sin, k), cos_h = from(p.cos, k + d), sin_h = from(p.sin, k + d);
      const V ax = from(p.ax, k + d) - at(p.ax, k), ay = from(p.ay, k + d) - at(p.ay, k);
      const V bx = from(p.bx, k + d) - at(p.bx, k), by = from(p.by, k + d) - at(p.by, k);
      const V la = ax * ax + ay * ay, lb = bx * bx + by * by, l = la + lb, radial = la - lb;
      const V mc = cos_h + cos, ms = sin_h + sin;
      const V ux = mc * ax - ms * ay, uy = ms * ax + mc * ay;
      const V side = ux * by - uy * bx, ahead = ux * bx + uy * by;
      const V d1 = r0 + r1 * l, d2 = t0 + t1 * l;  // twice the squared tolerances
      const V e = (radial * radial * d2 + side * side * d1) / (l * d1 * d2 + 1.0e-6f);
      const V z = (start + (cos_h * cos + sin_h * sin) * gate) - e;
      const V agree = select((all(0.0f) < ahead) & (all(0.0f) < z), z * z, all(0.0f));
      put(out, k, agree);
      put(out, p.ring + k, agree);
    }
  }
}

// How well pairs k and h agree; 0 with itself.
static inline f32 compatible(const Work& w, int k, int h) {
  const int ring = w.pairs.ring, d = h >= k ? h - k : h - k + ring;
  if (d == 0) return 0.0f;
  return 2 * d <= ring ? w.compatible[2 * ring * (d - 1) + k] : w.compatible[2 * ring * (ring - d - 1) + h];
}

// Sixteen entries, from `k`, of the compatibilities times a vector, which is there twice. Added up in four threads, so
// that additions need not wait for each other.
static inline V supports(const Work& w, const f32* v, int k) {
  V u[4] = {all(0.0f), all(0.0f), all(0.0f), all(0.0f)};
  const int ring = w.pairs.ring, half = ring / 2;
  const f32* row = w.compatible + k;
  auto add = [&](V& u, int d) {
    u += at(row + 2 * ring * (d - 1), 0) * from(v, k + d);
    if (d < half) u += from(row + 2 * ring * (d - 1), ring - d) * from(v, k + ring - d);
  };
  for (int d = 1; d < half; d += 4) {
    add(u[0], d);
    add(u[1], d + 1);
    add(u[2], d + 2);
    add(u[3], d + 3);
  }
  return (u[0] + u[1]) + (u[2] + u[3]);
}

// Power iteration on the compatibilities weighted with the similarities: v, and support after the first round.
static f32 relax(Work& w, int rounds, f32* total) {
  const f32* s = w.pairs.alike;
  const int n = w.pairs.n;
  f32 eigenvalue = 0.0f, norm = std::sqrt(sum_of(n, [&](int k) { return at(s, k) * at(s, k); }));
  const f32* v = s;
  for (int round = 0; round < rounds; ++round) {
    for (int k = 0; k < n; k += lanes) put(w.u, k, supports(w, v, k) * at(s, k));
    if (round == 0) {
      for (int k = 0; k < n; k += lanes) put(w.support, k, at(w.u, k));
      *total = sum_of(n, [&](int k) { return at(w.u, k); });
    }
    const f32 next = std::sqrt(sum_of(n, [&](int k) { return at(w.u, k) * at(w.u, k); }));
    eigenvalue = next / (norm + 1.0e-9f);
    const f32 inverse = 1.0f / (next + 1.0e-9f);
    for (int k = 0; k < n; k += lanes) {
      put(w.v, k, at(w.u, k) * inverse);
      put(w.v, w.pairs.ring + k, at(w.v, k));
    }
    v = w.v;
    norm = next > 0.0f ? 1.0f : 0.0f;
  }
  return eigenvalue;
}

}  // namespace cccd::matching::CCCD_LEVEL
