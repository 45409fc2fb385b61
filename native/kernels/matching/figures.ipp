// What speaks for and against a pair whose minutiae are paired.
#include "placing.ipp"

namespace cccd::matching::CCCD_LEVEL {

// Which minutiae of either side lie where the other has its fingerprint: inside its convex hull, widened.
static void overlap(Work& w, f32 margin, const Pairing& r) {
  const int na = padded(w.a->n), nb = padded(w.b->n);
  for (int i = 0; i < na; ++i) w.inside_a[i] = 1;
  for (int k = 0; k < w.b->edges; ++k) {
    const f32 ex = w.b->edge_x[k], ey = w.b->edge_y[k], ed = w.b->edge_d[k] + margin;
    for (int i = 0; i < na; ++i) w.inside_a[i] &= ex * r.px[i] + ey * r.py[i] + ed >= 0.0f;
  }
  for (int j = 0; j < nb; ++j) {
    const f32 x = w.b->x[j] - r.tx, y = w.b->y[j] - r.ty;
    w.qx[j] = r.c * x + r.s_ * y;
    w.qy[j] = r.c * y - r.s_ * x;
    w.inside_b[j] = 1;
  }
  for (int k = 0; k < w.a->edges; ++k) {
    const f32 ex = w.a->edge_x[k], ey = w.a->edge_y[k], ed = w.a->edge_d[k] + margin;
    for (int j = 0; j < nb; ++j) w.inside_b[j] &= ex * w.qx[j] + ey * w.qy[j] + ed >= 0.0f;
  }
  for (int k = 0; k < r.n; ++k) w.inside_a[r.i[k]] = w.inside_b[r.j[k]] = 1;
}

static f32 quality_of(u64 word) {
  const int q = static_cast<int>(word >> 48 & 0xff);
  return q > 0 ? static_cast<f32>(q) * 0.01f : 0.6f;
}

// The figures of the aligned pair; f[0..15).
static void final_figures(Work& w, const Tables& t, const Pairing& r, f32* f) {
  const f32* set = t.settings;
  overlap(w, set[overlap_margin_px], r);
  f32 both = 0.0f, quality = 0.0f, quality_paired = 0.0f;
  for (int i = 0; i < w.a->n; ++i)
    if (w.inside_a[i]) {
      both += 1.0f;
      quality += quality_of(w.a->minutiae[i]);
    }
  const f32 in_a = both;
  for (int j = 0; j < w.b->n; ++j)
    if (w.inside_b[j]) {
      both += 1.0f;
      quality += quality_of(w.b->minutiae[j]);
    }
  const f32 in_b = both - in_a;
  const f32 n = static_cast<f32>(r.n), per = 1.0f / std::max(n, 1.0f);
  const f32 inverse = 1.0f / (set[final_tolerance_px] * set[final_tolerance_px]);
  f32 close = 0.0f, close_alike = 0.0f, alike = 0.0f, distance = 0.0f, turn = 0.0f, strong = 0.0f, mx = 0.0f, my = 0.0f;
  for (int k = 0; k < r.n; ++k) {
    const f32 e = 1.0f - r.d2[k] * inverse;
    close += e;
    close_alike += e * r.s[k];
    alike += r.s[k];
    distance += std::sqrt(r.d2[k]);
    turn += r.turn[k];
    strong += r.s[k] > 0.5f ? 1.0f : 0.0f;
    mx += w.a->x[r.i[k]];
    my += w.a->y[r.i[k]];
    quality_paired += quality_of(w.a->minutiae[r.i[k]]) + quality_of(w.b->minutiae[r.j[k]]);
  }
  mx *= per;
  my *= per;
  f32 spread = 0.0f;
  for (int k = 0; k < r.n; ++k) {
    const f32 x = w.a->x[r.i[k]] - mx, y = w.a->y[r.i[k]] - my;
    spread += x * x + y * y;
    set_pair(w.pairs, k, t, *w.a, *w.b, r.i[k], r.j[k], r.s[k]);
  }
  w.pairs.n = r.n;
  pad_pairs(w.pairs);
  compatibility(w, set[check_length_tolerance2], set[check_length_slope2], set[check_side_tolerance2],
                set[check_side_slope2], set[check_rotation_gate]);
  const Pairs& p = w.pairs;
  V agree = all(0.0f), near = all(0.0f);
  for (int d = 1; d <= p.ring / 2; ++d) {
    const f32* row = w.compatible + 2 * p.ring * (d - 1);
    const V share = all(2 * d < p.ring ? 1.0f : 0.5f);  // half round the ring, each two are met twice
    for (int k = 0; k < p.ring; k += lanes) {
      const V dx = from(p.ax, k + d) - at(p.ax, k), dy = from(p.ay, k + d) - at(p.ay, k);
      const V here = select(dx * dx + dy * dy < all(set[check_reach2]), share, all(0.0f));
      near += here;
      agree += at(row, k) * here;
    }
  }
  const f32 consistent = add_lanes(agree), neighbours = add_lanes(near);
  const f32 root = 1.0f / std::sqrt(both + 10.0f);
  f[0] = n;
  f[1] = 2.0f * n / (both + 6.0f);
  f[2] = close * root;
  f[3] = close_alike * root;
  f[4] = alike * per;
  f[5] = distance * per;
  f[6] = turn * per;
  f[7] = quality_paired / (quality + 3.0f);
  f[8] = std::sqrt(consistent) * n / (std::sqrt(in_a * in_b) + 2.0f);
  f[9] = std::sqrt(consistent);
  f[10] = consistent / (neighbours + 3.0f);
  f[11] = std::sqrt(both);
  f[12] = std::sqrt(spread * per);
  f[13] = strong * root;
  f[14] = both - 2.0f * n;
}

}  // namespace cccd::matching::CCCD_LEVEL
