// Scoring, shared by all levels: plain loops over arrays padded to 16, which the compiler turns into the level's vectors. The
// level's file defines `similarities`, `transpose` and `nearest`.
#include "work.ipp"

namespace cccd::matching::CCCD_LEVEL {

// Best partner of every cylinder of either side, the most similar first (in 128 steps of similarity, then in order).
// Without branches on the data, which nobody could foretell; `key` has room for one more than wanted.
static int pick_candidates(Work& w, int wanted, u32* key, int* mutual) {
  u32 all[2 * cylinders_max + 1];
  int n = 0, both = 0;
  for (int i = 0; i < w.a.cylinders; ++i) {
    const u32 s = w.row_best[i] >> 8;
    all[n] = s << 12 | static_cast<u32>(i) << 6 | (255 - (w.row_best[i] & 255));
    n += s > 0;
  }
  for (int j = 0; j < w.b.cylinders; ++j) {
    const u32 s = w.column_best[j] >> 8;
    const u32 i = (255 - (w.column_best[j] & 255)) & (cylinders_max - 1);
    const bool chosen = 255 - (w.row_best[i] & 255) == static_cast<u32>(j);
    all[n] = s << 12 | i << 6 | static_cast<u32>(j);
    n += (s > 0) & !chosen;
    both += (s > 0) & chosen;
  }
  *mutual = both;
  int start[129] = {};
  for (int k = 0; k < n; ++k) ++start[128 - (all[k] >> 15)];
  int taken = 0, last = 0;
  for (; last < 129 && taken < wanted; ++last) {
    const int here = start[last];
    start[last] = taken;
    taken += here;
  }
  for (; last < 129; ++last) start[last] = wanted;
  for (int k = 0; k < n; ++k) {
    const int at = start[128 - (all[k] >> 15)]++;
    key[std::min(at, wanted)] = all[k];
  }
  return std::min(n, wanted);
}

static void set_pair(Pairs& p, int k, const Tables& t, const Finger& a, const Finger& b, int i, int j, f32 s) {
  const u64 ma = a.minutiae[i], mb = b.minutiae[j];
  p.i[k] = i;
  p.j[k] = j;
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
    p.i[k] = p.j[k] = -1;
    p.ax[k] = far_away;
    p.ay[k] = p.bx[k] = p.by[k] = p.s[k] = p.sin[k] = 0.0f;
    p.cos[k] = 1.0f;
  }
}

// How well two pairs agree, 0..1: same distance between the minutiae on both sides (radial), seen in the same direction
// (sideways) after the rotation that the pairs propose, and about the same rotation. Tolerances grow with the distance.
static void compatibility(Work& w, f32 r0, f32 r1, f32 t0, f32 t1, f32 gate) {
  const Pairs& p = w.pairs;
  const int n16 = padded(p.n);
  for (int k = 0; k < p.n; ++k) {
    f32* out = w.compatible + k * pairs_max;
    const f32 axk = p.ax[k], ayk = p.ay[k], bxk = p.bx[k], byk = p.by[k], ck = p.cos[k], sk = p.sin[k];
    const i32 ik = p.i[k], jk = p.j[k];
    for (int h = k & -lanes; h < n16; ++h) {
      const f32 ax = p.ax[h] - axk, ay = p.ay[h] - ayk, bx = p.bx[h] - bxk, by = p.by[h] - byk;
      const f32 la = ax * ax + ay * ay, lb = bx * bx + by * by, l = 0.5f * (la + lb), radial = la - lb;
      const f32 mc = p.cos[h] + ck, ms = p.sin[h] + sk;
      const f32 ux = mc * ax - ms * ay, uy = ms * ax + mc * ay;
      const f32 side = ux * by - uy * bx, ahead = ux * bx + uy * by;
      const f32 d1 = r0 + r1 * l, d2 = t0 + t1 * l;
      const f32 e = (radial * radial * d2 + side * side * d1) / (4.0f * l * d1 * d2 + 1.0e-6f);
      const f32 turn = (1.0f - (p.cos[h] * ck + p.sin[h] * sk)) * gate;
      f32 z = 1.0f - e - turn;
      z = z > 0.0f ? z * z : 0.0f;
      const bool apart = (ahead > 0.0f) & (ik != p.i[h]) & (jk != p.j[h]);
      out[h] = apart ? z : 0.0f;
    }
  }
  // the other half is the same, bit for bit: every term is even in the differences
  for (int r = 0; r < n16; r += lanes)
    for (int c = r + lanes; c < n16; c += lanes)
      transpose(w.compatible + r * pairs_max + c, w.compatible + c * pairs_max + r);
}

// Power iteration on the compatibilities weighted with the similarities: v, and support after the first round.
static f32 relax(Work& w, int rounds, f32* total) {
  const Pairs& p = w.pairs;
  const int n16 = padded(p.n);
  f32 eigenvalue = 0.0f, norm = 1.0f;
  f32 square[pairs_max];
  for (int k = 0; k < n16; ++k) {
    w.v[k] = p.s[k];
    square[k] = p.s[k] * p.s[k];
  }
  norm = std::sqrt(lane_sum(square, p.n));
  for (int round = 0; round < rounds; ++round) {
    for (int k = 0; k < n16; ++k) w.u[k] = 0.0f;
    for (int h = 0; h < p.n; ++h) {
      const f32 vh = w.v[h];
      const f32* row = w.compatible + h * pairs_max;
      for (int k = 0; k < n16; ++k) w.u[k] += row[k] * vh;
    }
    for (int k = 0; k < n16; ++k) {
      w.u[k] *= p.s[k];
      square[k] = w.u[k] * w.u[k];
    }
    if (round == 0) {
      for (int k = 0; k < n16; ++k) w.support[k] = w.u[k];
      *total = lane_sum(w.u, p.n);
    }
    const f32 next = std::sqrt(lane_sum(square, p.n));
    eigenvalue = next / (norm + 1.0e-9f);
    const f32 inverse = 1.0f / (next + 1.0e-9f);
    for (int k = 0; k < n16; ++k) w.v[k] = w.u[k] * inverse;
    norm = next > 0.0f ? 1.0f : 0.0f;
  }
  return eigenvalue;
}

// The rotation and shift that brings `n` points of A onto B with least squares.
static void fit(const f32* ax, const f32* ay, const f32* bx, const f32* by, const f32* weight, int n, Placing& r) {
  f32 sum = 1.0e-9f, mx = 0.0f, my = 0.0f, nx = 0.0f, ny = 0.0f;
  for (int k = 0; k < n; ++k) {
    sum += weight[k];
    mx += weight[k] * ax[k];
    my += weight[k] * ay[k];
    nx += weight[k] * bx[k];
    ny += weight[k] * by[k];
  }
  mx /= sum;
  my /= sum;
  nx /= sum;
  ny /= sum;
  f32 dot = 0.0f, cross = 0.0f;
  for (int k = 0; k < n; ++k) {
    const f32 x = ax[k] - mx, y = ay[k] - my, u = bx[k] - nx, v = by[k] - ny;
    dot += weight[k] * (x * u + y * v);
    cross += weight[k] * (x * v - y * u);
  }
  const f32 length = std::sqrt(dot * dot + cross * cross);
  r.c = length > 0.0f ? dot / length : 1.0f;
  r.s_ = length > 0.0f ? cross / length : 0.0f;
  r.tx = nx - (r.c * mx - r.s_ * my);
  r.ty = ny - (r.s_ * mx + r.c * my);
}

static void place(const Finger& a, const Pairing& r, f32* px, f32* py) {
  for (int i = 0; i < padded(a.n); ++i) {
    px[i] = r.c * a.x[i] - r.s_ * a.y[i] + r.tx;
    py[i] = r.s_ * a.x[i] + r.c * a.y[i] + r.ty;
  }
}

// Pairs each placed minutia of A with its nearest of B where both choose each other. Cost: distance and turn as shares of
// what is allowed, and how unlike the cylinders are.
static void pair_up(Work& w, const Tables& t, f32 tolerance, f32 gate, Pairing& r) {
  const Finger &a = w.a, &b = w.b;
  const f32 unlike = t.settings[dissimilarity_cost] * step, absent = t.settings[dissimilarity_cost];
  const f32 inverse = 1.0f / (tolerance * tolerance);
  u32 column_key[points_max];
  for (int j = 0; j < points_max; ++j) column_key[j] = none;
  for (int i = 0; i < a.n; ++i) {
    w.row_key[i] = none;
    const f32 x = r.px[i], y = r.py[i];
    if (x < b.low_x - tolerance || x > b.high_x + tolerance || y < b.low_y - tolerance || y > b.high_y + tolerance) continue;
    const f32 cx = r.c * a.cos[i] - r.s_ * a.sin[i], cy = r.s_ * a.cos[i] + r.c * a.sin[i];
    w.row_key[i] = nearest(w, {i, x, y, cx, cy, inverse, gate, unlike, absent}, column_key);
  }
  int n = 0;
  for (int i = 0; i < a.n; ++i) {  // without branches, as nobody could foretell which minutiae have a partner
    const u32 j = w.row_key[i] & (points_max - 1);
    r.i[n] = i;
    r.j[n] = static_cast<i32>(j);
    n += (w.row_key[i] != none) & ((column_key[j] & 255) == static_cast<u32>(i));
  }
  r.n = n;
  for (int k = 0; k < n; ++k) {
    const int i = r.i[k], j = r.j[k];
    const f32 dx = b.x[j] - r.px[i], dy = b.y[j] - r.py[i];
    const f32 cx = r.c * a.cos[i] - r.s_ * a.sin[i], cy = r.s_ * a.cos[i] + r.c * a.sin[i];
    r.d2[k] = dx * dx + dy * dy;
    r.turn[k] = 1.0f - (cx * b.cos[j] + cy * b.sin[j]);
    r.s[k] = i < a.cylinders && j < b.cylinders ? static_cast<f32>(w.similarity[i * cylinders_max + j]) * step : 0.0f;
  }
}

static f32 agreement(const Pairing& r, f32 tolerance) {
  const f32 inverse = 0.5f / (tolerance * tolerance);
  f32 sum = 0.0f;
  for (int k = 0; k < r.n; ++k) sum += (0.3f + r.s[k]) * (1.0f - r.d2[k] * inverse);
  return sum;
}

static void refit(const Work& w, f32 tolerance, Pairing& r) {
  if (r.n < 2) return;
  f32 ax[points_max], ay[points_max], bx[points_max], by[points_max], weight[points_max];
  const f32 inverse = 1.0f / (tolerance * tolerance);
  for (int k = 0; k < r.n; ++k) {
    ax[k] = w.a.x[r.i[k]];
    ay[k] = w.a.y[r.i[k]];
    bx[k] = w.b.x[r.j[k]];
    by[k] = w.b.y[r.j[k]];
    weight[k] = (0.2f + r.s[k]) * (1.05f - r.d2[k] * inverse);
  }
  fit(ax, ay, bx, by, weight, r.n, r);
}

// Rigid fits, then two rounds in which each minutia is moved by what its paired neighbours (never itself) were off by.
static void align(Work& w, const Tables& t, Pairing& r) {
  const f32* set = t.settings;
  const f32 wide = set[pairing_tolerance_px], narrow = set[final_tolerance_px];
  for (int round = 0; round < 2; ++round) {
    refit(w, wide, r);
    place(w.a, r, r.px, r.py);
    pair_up(w, t, wide, set[pairing_gate], r);
  }
  const int n16 = padded(w.a.n);
  std::memcpy(w.qx, r.px, sizeof w.qx);
  std::memcpy(w.qy, r.py, sizeof w.qy);
  const f32 reach = 1.0f / set[elastic_reach2];
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < n16; ++i) {
      w.sw[i] = set[elastic_stiffness];
      w.sx[i] = w.sy[i] = 0.0f;
    }
    for (int k = 0; k < r.n; ++k) {
      const i32 own = r.i[k];
      const f32 kx = w.qx[own], ky = w.qy[own], vx = w.b.x[r.j[k]] - kx, vy = w.b.y[r.j[k]] - ky, weight = 0.2f + r.s[k];
      for (int i = 0; i < n16; ++i) {
        const f32 dx = w.qx[i] - kx, dy = w.qy[i] - ky;
        f32 near = 1.0f / (1.0f + (dx * dx + dy * dy) * reach);
        near = i == own ? 0.0f : near * near * weight;
        w.sw[i] += near;
        w.sx[i] += near * vx;
        w.sy[i] += near * vy;
      }
    }
    for (int i = 0; i < n16; ++i) {
      r.px[i] = w.qx[i] + w.sx[i] / w.sw[i];
      r.py[i] = w.qy[i] + w.sy[i] / w.sw[i];
    }
    pair_up(w, t, round == 0 ? 0.5f * (wide + narrow) : narrow, set[final_gate], r);
  }
}

// Which minutiae of either side lie where the other has its fingerprint: inside its convex hull, widened.
static void overlap(Work& w, f32 margin, const Pairing& r) {
  const int na = padded(w.a.n), nb = padded(w.b.n);
  for (int i = 0; i < na; ++i) w.inside_a[i] = 1;
  for (int k = 0; k < w.b.edges; ++k) {
    const f32 ex = w.b.edge_x[k], ey = w.b.edge_y[k], ed = w.b.edge_d[k] + margin;
    for (int i = 0; i < na; ++i) w.inside_a[i] &= ex * r.px[i] + ey * r.py[i] + ed >= 0.0f;
  }
  for (int j = 0; j < nb; ++j) {
    const f32 x = w.b.x[j] - r.tx, y = w.b.y[j] - r.ty;
    w.qx[j] = r.c * x + r.s_ * y;
    w.qy[j] = r.c * y - r.s_ * x;
    w.inside_b[j] = 1;
  }
  for (int k = 0; k < w.a.edges; ++k) {
    const f32 ex = w.a.edge_x[k], ey = w.a.edge_y[k], ed = w.a.edge_d[k] + margin;
    for (int j = 0; j < nb; ++j) w.inside_b[j] &= ex * w.qx[j] + ey * w.qy[j] + ed >= 0.0f;
  }
  for (int k = 0; k < r.n; ++k) w.inside_a[r.i[k]] = w.inside_b[r.j[k]] = 1;
}

static inline f32 weigh(const f32* weight, const f32* feature, int n) {
  f32 sum = weight[0];
  for (int k = 0; k < n; ++k) sum += weight[k + 1] * feature[k];
  return sum;
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
  for (int i = 0; i < w.a.n; ++i)
    if (w.inside_a[i]) {
      both += 1.0f;
      quality += quality_of(w.a.minutiae[i]);
    }
  const f32 in_a = both;
  for (int j = 0; j < w.b.n; ++j)
    if (w.inside_b[j]) {
      both += 1.0f;
      quality += quality_of(w.b.minutiae[j]);
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
    mx += w.a.x[r.i[k]];
    my += w.a.y[r.i[k]];
    quality_paired += quality_of(w.a.minutiae[r.i[k]]) + quality_of(w.b.minutiae[r.j[k]]);
  }
  mx *= per;
  my *= per;
  f32 spread = 0.0f;
  for (int k = 0; k < r.n; ++k) {
    const f32 x = w.a.x[r.i[k]] - mx, y = w.a.y[r.i[k]] - my;
    spread += x * x + y * y;
    set_pair(w.pairs, k, t, w.a, w.b, r.i[k], r.j[k], r.s[k]);
  }
  w.pairs.n = r.n;
  pad_pairs(w.pairs);
  compatibility(w, set[check_length_tolerance2], set[check_length_slope2], set[check_side_tolerance2],
                set[check_side_slope2], set[check_rotation_gate]);
  f32 consistent = 0.0f, neighbours = 0.0f;
  for (int k = 0; k < r.n; ++k) {
    f32 value[pairs_max], near[pairs_max];
    const f32* row = w.compatible + k * pairs_max;
    for (int h = 0; h < padded(r.n); ++h) {
      const f32 dx = w.pairs.ax[h] - w.pairs.ax[k], dy = w.pairs.ay[h] - w.pairs.ay[k];
      near[h] = (dx * dx + dy * dy < set[check_reach2]) & (h != k) ? 1.0f : 0.0f;
      value[h] = row[h] * near[h];
    }
    consistent += lane_sum(value, r.n);
    neighbours += lane_sum(near, r.n);
  }
  consistent *= 0.5f;
  neighbours *= 0.5f;
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

// How well all candidates agree with a placement.
static f32 supported(const Work& w, const Tables& t, const Placing& r) {
  const Pairs& p = w.pairs;
  const f32 tolerance = t.settings[pairing_tolerance_px], gate = t.settings[pairing_gate];
  const f32 inverse = 1.0f / (tolerance * tolerance);
  f32 value[pairs_max];
  for (int k = 0; k < padded(p.n); ++k) {
    const f32 dx = r.c * p.ax[k] - r.s_ * p.ay[k] + r.tx - p.bx[k], dy = r.s_ * p.ax[k] + r.c * p.ay[k] + r.ty - p.by[k];
    const f32 d = (dx * dx + dy * dy) * inverse, e = (1.0f - (r.c * p.cos[k] + r.s_ * p.sin[k])) * gate;
    value[k] = (d < 1.0f) & (e < 1.0f) & (p.s[k] > 0.0f) ? (0.3f + p.s[k]) * (1.0f - 0.5f * d) : 0.0f;
  }
  return lane_sum(value, p.n);
}

static void pair_under(Work& w, const Tables& t, const Placing& placing, Pairing& r) {
  static_cast<Placing&>(r) = placing;
  place(w.a, r, r.px, r.py);
  pair_up(w, t, t.settings[pairing_tolerance_px], t.settings[pairing_gate], r);
}

// The rigid placements that the candidates propose: the best supported candidate and all that agree with it, then the same
// among those left over. Pairs the minutiae up under the one that most candidates agree with, in w.pairing; figures[0..5).
static void place_rigidly(Work& w, const Tables& t, f32 size, f32* figures) {
  const f32* set = t.settings;
  const int found = w.pairs.n, f16 = padded(found);
  bool used[pairs_max] = {};
  f32 best_support = -1.0f, first_support = 0.0f;
  w.placings = 0;
  w.placed = 0;
  for (int round = 0; round < std::min(static_cast<int>(set[hypotheses]), placings_max); ++round) {
    int seed = -1;
    f32 top = 0.0f;
    const f32* rank = round == 0 ? w.v : w.support;
    for (int k = 0; k < found; ++k)
      if (!used[k] && rank[k] > top) {
        top = rank[k];
        seed = k;
      }
    if (seed < 0) {
      if (round > 0) break;
      seed = 0;
    }
    int member[pairs_max + 1], m = 0;
    const f32* agrees = w.compatible + seed * pairs_max;
    for (int h = 0; h < found; ++h) {
      member[m] = h;
      m += !used[h] & ((h == seed) | (agrees[h] > 0.02f));
    }
    f32 ax[pairs_max], ay[pairs_max], bx[pairs_max], by[pairs_max], weight[pairs_max];
    for (int k = 0; k < m; ++k) {
      const int h = member[k];
      used[h] = true;
      ax[k] = w.pairs.ax[h];
      ay[k] = w.pairs.ay[h];
      bx[k] = w.pairs.bx[h];
      by[k] = w.pairs.by[h];
      const f32 s = w.pairs.s[h];
      weight[k] = (h == seed ? 1.0f : agrees[h]) * s;
      const f32* row = w.compatible + h * pairs_max;
      for (int l = 0; l < f16; ++l) w.support[l] -= row[l] * s * w.pairs.s[l];
    }
    Placing& trial = w.placing[w.placings];
    if (m < 2) {
      trial.c = w.pairs.cos[seed];
      trial.s_ = w.pairs.sin[seed];
      trial.tx = bx[0] - (trial.c * ax[0] - trial.s_ * ay[0]);
      trial.ty = by[0] - (trial.s_ * ax[0] + trial.c * ay[0]);
    } else {
      fit(ax, ay, bx, by, weight, m, trial);
    }
    const f32 support = supported(w, t, trial);
    if (round == 0) first_support = support;
    if (support > best_support) {
      best_support = support;
      w.placed = w.placings;
    }
    ++w.placings;
  }
  pair_under(w, t, w.placing[w.placed], w.pairing);
  const f32 agrees = agreement(w.pairing, set[pairing_tolerance_px]);
  figures[0] = first_support;
  figures[1] = best_support;
  figures[2] = agrees;
  figures[3] = agrees * size;
  figures[4] = static_cast<f32>(w.pairing.n);
}

// Pairs the minutiae up under the other placements too; of all, the one with the best agreement stays in w.pairing.
static f32 place_thoroughly(Work& w, const Tables& t, f32 best) {
  for (int k = 0; k < w.placings; ++k) {
    if (k == w.placed) continue;
    pair_under(w, t, w.placing[k], w.other);
    const f32 agrees = agreement(w.other, t.settings[pairing_tolerance_px]);
    if (agrees > best) {
      best = agrees;
      std::swap(w.pairing, w.other);
    }
  }
  return best;
}

// The raw score of w.a and the candidate. With `features` nothing exits early and they are written there.
static f32 score(Work& w, const Tables& t, const u64* candidate, f32* features) {
  const f32* set = t.settings;
  const f32* first_weight = t.weights;
  const f32* second_weight = first_weight + 1 + first_features;
  const f32* final_weight = second_weight + 1 + second_features;
  const f32* exits = final_weight + 1 + features_count;
  load_codes(w.b, candidate, set[similarity_offset]);
  if (w.a.cylinders == 0 || w.b.cylinders == 0) return 0.0f;
  similarities(w);

  u32 key[2 * cylinders_max + 1];
  int mutual = 0;
  const int found = pick_candidates(w, std::min(static_cast<int>(set[candidates]), pairs_max), key, &mutual);
  if (found == 0) return 0.0f;
  u32 lead12 = 0, lead24 = 0;
  for (int k = 0; k < std::min(found, 12); ++k) lead12 += key[k] >> 12;
  for (int k = 0; k < std::min(found, 24); ++k) lead24 += key[k] >> 12;
  for (int k = 0; k < found; ++k)
    set_pair(w.pairs, k, t, w.a, w.b, static_cast<int>(key[k] >> 6 & 63), static_cast<int>(key[k] & 63),
             static_cast<f32>(key[k] >> 12) * step);
  w.pairs.n = found;
  pad_pairs(w.pairs);
  compatibility(w, set[length_tolerance2], set[length_slope2], set[side_tolerance2], set[side_slope2], set[rotation_gate]);
  f32 total = 0.0f;
  const f32 eigenvalue = relax(w, static_cast<int>(set[relaxation_rounds]), &total);
  f32 most = 0.0f;
  for (int k = 0; k < found; ++k) most = std::max(most, w.support[k]);

  f32 f[features_count] = {};
  const int low = std::min(w.a.n, w.b.n), high = std::max(w.a.n, w.b.n);
  const f32 size = 1.0f / std::sqrt(static_cast<f32>(low) + 8.0f);
  f[0] = static_cast<f32>(lead12) * (step / 12.0f);
  f[1] = static_cast<f32>(lead24) * (step / 24.0f);
  f[2] = static_cast<f32>(mutual) * size;
  f[3] = eigenvalue;
  f[4] = std::sqrt(total);
  f[5] = std::sqrt(most);
  f[6] = static_cast<f32>(low);
  f[7] = t.logarithms[low];
  f[8] = t.logarithms[high];
  const f32 first = weigh(first_weight, f, first_features);
  if (!features && first < exits[0]) return std::max(std::min(first, exits[1]), 0.0f);

  load_points(w.b, t);
  place_rigidly(w, t, size, f + first_features);
  const f32 second = weigh(second_weight, f, second_features);
  if (!features && second < exits[1]) return std::max(second, 0.0f);

  load_hull(w.b);
  const f32 agrees = place_thoroughly(w, t, f[first_features + 2]);
  align(w, t, w.pairing);
  final_figures(w, t, w.pairing, f + second_features);
  f[features_count - 2] = agrees;
  f[features_count - 1] = agrees * size;
  if (features) std::memcpy(features, f, sizeof f);
  return std::max(weigh(final_weight, f, features_count), 0.0f);
}

static void score_all(Work& w, const Tables& t, const u64* probe, const u64* words,
                                        const std::int64_t* offsets, std::size_t start, std::size_t stop, f32* out,
                                        f32* features) {
  load_codes(w.a, probe, t.settings[similarity_offset]);
  load_points(w.a, t);
  load_hull(w.a);
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
