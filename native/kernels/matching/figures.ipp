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
    w.qx[j] = r.c * x + r.s * y;
    w.qy[j] = r.c * y - r.s * x;
    w.inside_b[j] = 1;
  }
  for (int k = 0; k < w.a->edges; ++k) {
    const f32 ex = w.a->edge_x[k], ey = w.a->edge_y[k], ed = w.a->edge_d[k] + margin;
    for (int j = 0; j < nb; ++j) w.inside_b[j] &= ex * w.qx[j] + ey * w.qy[j] + ed >= 0.0f;
  }
  for (int k = 0; k < r.n; ++k) w.inside_a[r.i[k]] = w.inside_b[r.j[k]] = 1;
}

// How well the pairs that lie near each other agree, added up; and how many such twos there are.
static f32 consistency(Work& w, const Tables& t, const Pairing& r, f32* neighbours) {
  const f32* set = t.settings;
  for (int k = 0; k < r.n; ++k) set_pair(w.pairs, k, t, *w.a, *w.b, r.i[k], r.j[k], r.likeness[k]);
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
  *neighbours = add_lanes(near);
  return add_lanes(agree);
}

// The mean squared distance of A's paired minutiae from their centre.
static f32 spread(const Work& w, const Pairing& r) {
  const f32 per = 1.0f / std::max(static_cast<f32>(r.n), 1.0f);
  f32 mx = 0.0f, my = 0.0f, total = 0.0f;
  for (int k = 0; k < r.n; ++k) {
    mx += w.a->x[r.i[k]];
    my += w.a->y[r.i[k]];
  }
  mx *= per;
  my *= per;
  for (int k = 0; k < r.n; ++k) {
    const f32 x = w.a->x[r.i[k]] - mx, y = w.a->y[r.i[k]] - my;
    total += x * x + y * y;
  }
  return total * per;
}

// The figures of the aligned pair.
static void final_figures(Work& w, const Tables& t, const Pairing& r, f32* f) {
  const f32* set = t.settings;
  overlap(w, set[overlap_margin_px], r);
  f32 both = 0.0f, quality = 0.0f, worth = 0.0f;
  for (int i = 0; i < w.a->n; ++i)
    if (w.inside_a[i]) {
      both += 1.0f;
      quality += w.a->quality[i];
      worth += w.a->worth[i];
    }
  const f32 in_a = both;
  for (int j = 0; j < w.b->n; ++j)
    if (w.inside_b[j]) {
      both += 1.0f;
      quality += w.b->quality[j];
      worth += w.b->worth[j];
    }
  const f32 in_b = both - in_a;
  const f32 n = static_cast<f32>(r.n), per = 1.0f / std::max(n, 1.0f);
  const f32 inverse = 1.0f / (set[final_tolerance_px] * set[final_tolerance_px]);
  f32 quality_paired = 0.0f, worth_paired = 0.0f, worth_close = 0.0f, worth_alike = 0.0f;
  f32 close_alike_paired = 0.0f, likeness = 0.0f, distance = 0.0f, turn = 0.0f;
  for (int k = 0; k < r.n; ++k) {
    const int i = r.i[k], j = r.j[k];
    const f32 s = r.likeness[k], e = 1.0f - r.d2[k] * inverse;
    const f32 each = w.a->worth[i] + w.b->worth[j];
    quality_paired += w.a->quality[i] + w.b->quality[j];
    worth_paired += each;
    worth_close += each * e;
    worth_alike += each * e * s;
    close_alike_paired += e * s;
    likeness += s;
    distance += std::sqrt(r.d2[k]);
    turn += r.turn[k];
  }
  f32 neighbours = 0.0f;
  const f32 consistent = consistency(w, t, r, &neighbours);
  const f32 root = 1.0f / std::sqrt(both + 10.0f), worth_root = 0.5f / std::sqrt(worth + 6.0f);
  f[final_pairs] = n;
  f[paired_worth] = worth_paired / (worth + 4.0f);
  f[close_worth] = worth_close * worth_root;
  f[close_alike] = close_alike_paired * root;
  f[pair_similarity] = likeness * per;
  f[pair_distance] = distance * per;
  f[pair_turn] = turn * per;
  f[paired_quality] = quality_paired / (quality + 3.0f);
  f[consistent_pairs] = std::sqrt(consistent) * n / (std::sqrt(in_a * in_b) + 2.0f);
  f[root_consistency] = std::sqrt(consistent);
  f[consistency_by_neighbours] = consistent / (neighbours + 3.0f);
  f[root_common_minutiae] = std::sqrt(both);
  f[pair_spread] = std::sqrt(spread(w, r));
  f[close_alike_worth] = worth_alike * worth_root;
  f[unpaired_worth] = worth - worth_paired;
}

}  // namespace cccd::matching::CCCD_LEVEL
