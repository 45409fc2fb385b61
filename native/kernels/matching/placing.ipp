// Placings: which the candidates propose, which minutiae pair up under one, and how it is refined.
#include "pairs.ipp"

namespace cccd::matching::CCCD_LEVEL {

// The rotation and shift that brings `n` points of A onto B with least squares; arrays padded with weights of 0.
static void fit(const f32* ax, const f32* ay, const f32* bx, const f32* by, const f32* weight, int n, Placing& r) {
  const f32 per = 1.0f / (sum_of(n, [&](int k) { return at(weight, k); }) + 1.0e-9f);
  const f32 mx = sum_of(n, [&](int k) { return at(weight, k) * at(ax, k); }) * per;
  const f32 my = sum_of(n, [&](int k) { return at(weight, k) * at(ay, k); }) * per;
  const f32 nx = sum_of(n, [&](int k) { return at(weight, k) * at(bx, k); }) * per;
  const f32 ny = sum_of(n, [&](int k) { return at(weight, k) * at(by, k); }) * per;
  V dots = all(0.0f), crosses = all(0.0f);
  for (int k = 0; k < n; k += lanes) {
    const V x = at(ax, k) - mx, y = at(ay, k) - my, u = at(bx, k) - nx, v = at(by, k) - ny;
    dots += at(weight, k) * (x * u + y * v);
    crosses += at(weight, k) * (x * v - y * u);
  }
  const f32 dot = add_lanes(dots), cross = add_lanes(crosses);
  const f32 length = std::sqrt(dot * dot + cross * cross);
  r.c = length > 0.0f ? dot / length : 1.0f;
  r.s = length > 0.0f ? cross / length : 0.0f;
  r.tx = nx - (r.c * mx - r.s * my);
  r.ty = ny - (r.s * mx + r.c * my);
}

// A's minutiae in B's frame.
static void place(const Finger& a, Pairing& r) {
  for (int i = 0; i < padded(a.n); ++i) {
    r.px[i] = r.c * a.x[i] - r.s * a.y[i] + r.tx;
    r.py[i] = r.s * a.x[i] + r.c * a.y[i] + r.ty;
  }
}

// The similarity of two minutiae in steps; 0 where one has no cylinder.
static inline i32 alike(const Work& w, u32 i, u32 j) {
  const bool known = (i < static_cast<u32>(w.a->cylinders)) & (j < static_cast<u32>(w.b->cylinders));
  const i32 s = w.similarity[(i & (cylinders_max - 1)) * cylinders_max + (j & (cylinders_max - 1))];
  return known ? s : 0;
}

// Pairs each placed minutia of A with its cheapest of B where both choose each other.
static void pair_up(Work& w, const Tables& t, f32 tolerance, f32 gate, Pairing& r) {
  const Finger &a = *w.a, &b = *w.b;
  const int reached = reachable(w, r, tolerance);
  price(w, t, r, tolerance, gate, reached);
  for (int i = 0; i < padded(a.n); ++i) w.row_key[i] = none;
  for (int j = 0; j < padded(b.n); ++j) w.column_key[j] = none;
  for (int k = 0; k < reached; ++k) {
    const u32 i = w.reached[k] >> 8, j = w.reached[k] & 255;
    w.row_key[i] = std::min(w.row_key[i], w.cost[k] | j);
    w.column_key[j] = std::min(w.column_key[j], w.cost[k] | i);
  }
  int n = 0;
  for (int i = 0; i < a.n; ++i) {  // without branches, as nobody could foretell which minutiae have a partner
    const u32 j = w.row_key[i] & (points_max - 1);
    r.i[n] = i;
    r.j[n] = static_cast<i32>(j);
    n += (w.row_key[i] != none) & ((w.column_key[j] & 255) == static_cast<u32>(i));
  }
  r.n = n;
  for (int k = 0; k < n; ++k) {
    const int i = r.i[k], j = r.j[k];
    const f32 dx = b.x[j] - r.px[i], dy = b.y[j] - r.py[i];
    const f32 cx = r.c * a.cos[i] - r.s * a.sin[i], cy = r.s * a.cos[i] + r.c * a.sin[i];
    r.d2[k] = dx * dx + dy * dy;
    r.turn[k] = 1.0f - (cx * b.cos[j] + cy * b.sin[j]);
    r.likeness[k] = static_cast<f32>(alike(w, static_cast<u32>(i), static_cast<u32>(j))) * step;
  }
}

// How alike and how near the minutiae paired are, added up.
static f32 agreement(const Pairing& r, f32 tolerance) {
  const f32 inverse = 0.5f / (tolerance * tolerance);
  const V n = all(static_cast<f32>(r.n));
  return sum_of(r.n, [&](int k) {
    return select(index_from(k) < n, (0.3f + at(r.likeness, k)) * (1.0f - at(r.d2, k) * inverse), all(0.0f));
  });
}

// Places A anew by the minutiae paired, the near and alike ones above all.
static void refit(const Work& w, f32 tolerance, Pairing& r) {
  if (r.n < 2) return;
  alignas(64) f32 ax[points_max], ay[points_max], bx[points_max], by[points_max], weight[points_max];
  const f32 inverse = 1.0f / (tolerance * tolerance);
  for (int k = 0; k < r.n; ++k) {
    ax[k] = w.a->x[r.i[k]];
    ay[k] = w.a->y[r.i[k]];
    bx[k] = w.b->x[r.j[k]];
    by[k] = w.b->y[r.j[k]];
    weight[k] = (0.2f + r.likeness[k]) * (1.05f - r.d2[k] * inverse);
  }
  for (int k = r.n; k < padded(r.n); ++k) ax[k] = ay[k] = bx[k] = by[k] = weight[k] = 0.0f;
  fit(ax, ay, bx, by, weight, r.n, r);
}

// Moves each minutia from where it lies rigidly, w.qx and w.qy, by what its paired neighbours (never itself) are off by.
static void bend(Work& w, const Tables& t, Pairing& r) {
  const f32 reach = 1.0f / t.settings[elastic_reach2];
  const int n16 = padded(w.a->n);
  for (int i = 0; i < n16; ++i) {
    w.sw[i] = t.settings[elastic_stiffness];
    w.sx[i] = w.sy[i] = 0.0f;
  }
  for (int k = 0; k < r.n; ++k) {
    const i32 own = r.i[k];
    const f32 kx = w.qx[own], ky = w.qy[own], weight = 0.2f + r.likeness[k];
    const f32 vx = w.b->x[r.j[k]] - kx, vy = w.b->y[r.j[k]] - ky;
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
}

// Rigid fits, then two rounds of elastic ones, each from the same rigid place.
static void align(Work& w, const Tables& t, Pairing& r) {
  const f32* set = t.settings;
  const f32 wide = set[pairing_tolerance_px], narrow = set[final_tolerance_px];
  for (int round = 0; round < 2; ++round) {
    refit(w, wide, r);
    place(*w.a, r);
    pair_up(w, t, wide, set[pairing_gate], r);
  }
  std::memcpy(w.qx, r.px, sizeof w.qx);
  std::memcpy(w.qy, r.py, sizeof w.qy);
  for (int round = 0; round < 2; ++round) {
    bend(w, t, r);
    pair_up(w, t, round == 0 ? 0.5f * (wide + narrow) : narrow, set[final_gate], r);
  }
}

// How well all candidates agree with a placing.
static f32 supported(const Work& w, const Tables& t, const Placing& r) {
  const Pairs& p = w.pairs;
  const f32 tolerance = t.settings[pairing_tolerance_px], gate = t.settings[pairing_gate];
  const f32 inverse = 1.0f / (tolerance * tolerance);
  return sum_of(p.n, [&](int k) {
    const V ax = at(p.ax, k), ay = at(p.ay, k), s = at(p.alike, k);
    const V dx = r.c * ax - r.s * ay + r.tx - at(p.bx, k), dy = r.s * ax + r.c * ay + r.ty - at(p.by, k);
    const V d = (dx * dx + dy * dy) * inverse, e = (1.0f - (r.c * at(p.cos, k) + r.s * at(p.sin, k))) * gate;
    return select((d < all(1.0f)) & (e < all(1.0f)) & (all(0.0f) < s), (0.3f + s) * (1.0f - 0.5f * d), all(0.0f));
  });
}

// Places A so, and pairs the minutiae up.
static void pair_under(Work& w, const Tables& t, const Placing& placing, Pairing& r) {
  static_cast<Placing&>(r) = placing;
  place(*w.a, r);
  pair_up(w, t, t.settings[pairing_tolerance_px], t.settings[pairing_gate], r);
}

// The highest of `rank`, and the first k that has it.
static int highest(const f32* rank, int n, f32* top) {
  V most = at(rank, 0);
  for (int k = lanes; k < n; k += lanes) most = select(most < at(rank, k), at(rank, k), most);
  *top = fold(most, [](auto x, auto y) { return x > y ? x : y; });
  V first = all(pairs_max);
  for (int k = 0; k < n; k += lanes) {
    const V here = select(at(rank, k) == all(*top), index_from(k), all(pairs_max));
    first = select(here < first, here, first);
  }
  return static_cast<int>(fold(first, [](auto x, auto y) { return x < y ? x : y; }));
}

// The placing that a candidate proposes with all those left that agree with it. They go out of `left`, and with their
// similarity into `gone`, which is there twice.
static void propose(const Work& w, int seed, f32* left, f32* gone, Placing& trial) {
  const Pairs& p = w.pairs;
  alignas(64) f32 link[pairs_max], weight[pairs_max];
  for (int k = 0; k < p.ring; ++k) link[k] = compatible(w, seed, k);
  link[seed] = 1.0f;
  V members = all(0.0f);
  for (int k = 0; k < p.n; k += lanes) {
    const V in = select(all(0.02f) < at(link, k), at(left, k), all(0.0f));
    put(gone, k, in * at(p.alike, k));
    put(gone, p.ring + k, at(gone, k));
    put(weight, k, at(gone, k) * at(link, k));
    put(left, k, at(left, k) - in);
    members += in;
  }
  if (add_lanes(members) < 2.0f) {
    trial.c = p.cos[seed];
    trial.s = p.sin[seed];
    trial.tx = p.bx[seed] - (trial.c * p.ax[seed] - trial.s * p.ay[seed]);
    trial.ty = p.by[seed] - (trial.s * p.ax[seed] + trial.c * p.ay[seed]);
  } else {
    fit(p.ax, p.ay, p.bx, p.by, weight, p.n, trial);
  }
}

// The rigid placings that the candidates propose: the best supported one with all that agree with it, then the same
// among those left over. Pairs the minutiae up under the one that most candidates agree with, in w.pairing.
static void place_rigidly(Work& w, const Tables& t, f32 size, f32* f) {
  const f32* set = t.settings;
  const Pairs& p = w.pairs;
  alignas(64) f32 left[pairs_max], rank[pairs_max], gone[2 * pairs_max];
  for (int k = 0; k < p.n; k += lanes) {
    put(left, k, select(all(0.0f) < at(p.alike, k), all(1.0f), all(0.0f)));
    put(rank, k, at(w.v, k));
  }
  f[best_support] = -1.0f;
  w.placings = 0;
  w.placed = 0;
  for (int round = 0; round < std::min(static_cast<int>(set[hypotheses]), placings_max); ++round) {
    f32 top = 0.0f;
    const int seed = highest(rank, p.n, &top);
    if (round > 0 && !(top > 0.0f)) break;
    Placing& trial = w.placing[w.placings];
    propose(w, seed, left, gone, trial);
    const f32 agree = supported(w, t, trial);
    if (round == 0) f[first_support] = agree;
    if (agree > f[best_support]) {
      f[best_support] = agree;
      w.placed = w.placings;
    }
    ++w.placings;
    for (int k = 0; k < p.n; k += lanes) {
      put(w.support, k, at(w.support, k) - supports(w, gone, k) * at(p.alike, k));
      put(rank, k, at(w.support, k) * at(left, k));
    }
  }
  pair_under(w, t, w.placing[w.placed], w.pairing);
  f[rigid_agreement] = agreement(w.pairing, set[pairing_tolerance_px]);
  f[rigid_agreement_by_size] = f[rigid_agreement] * size;
  f[rigid_pairs] = static_cast<f32>(w.pairing.n);
}

// Pairs the minutiae up under the other placings too; of all, the one with the best agreement stays in w.pairing.
static void place_thoroughly(Work& w, const Tables& t, f32 size, f32* f) {
  f32 best = f[rigid_agreement];
  for (int k = 0; k < w.placings; ++k) {
    if (k == w.placed) continue;
    pair_under(w, t, w.placing[k], w.other);
    const f32 agrees = agreement(w.other, t.settings[pairing_tolerance_px]);
    if (agrees > best) {
      best = agrees;
      std::swap(w.pairing, w.other);
    }
  }
  f[best_agreement] = best;
  f[best_agreement_by_size] = best * size;
}

}  // namespace cccd::matching::CCCD_LEVEL
