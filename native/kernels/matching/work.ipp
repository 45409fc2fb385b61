// What scoring works on: fingers unpacked into arrays padded to 16, pairs and placements.
// Each level defines `load`, `similarities`, `choose`, `fill`, `reachable` and `price`; plain.ipp says what they do.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "lanes.ipp"
#include "matching.hpp"

namespace cccd::matching::CCCD_LEVEL {

using u16 = std::uint16_t;
using u32 = std::uint32_t;
using i32 = std::int32_t;
using u64 = std::uint64_t;
using f32 = float;

constexpr int pairs_max = 128;
constexpr int placings_max = 16;
constexpr int code_halves = 2 * code_words;
constexpr int bands = 64;         // of 16 px of y, in which minutiae are looked up
constexpr int partners_max = 16;  // minutiae of B within reach of one of A that are looked at
constexpr u32 none = 0xffffffffu;
constexpr f32 far_away = 1.0e6f;
constexpr f32 steps = 1024.0f;  // of a similarity
constexpr f32 step = 1.0f / 1024.0f;

static inline int padded(int n) { return (n + lanes - 1) & ~(lanes - 1); }

struct alignas(64) Finger {
  u32 half[code_halves][cylinders_max];  // the codes in halves of their words, where the level wants them so
  f32 scale[cylinders_max];              // 1 / sqrt(bits + offset)
  f32 x[points_max], y[points_max], cos[points_max], sin[points_max];
  i32 angle[points_max];
  f32 quality[points_max], worth[points_max];  // worth: how much a minutia counts
  f32 edge_x[points_max], edge_y[points_max], edge_d[points_max];
  const u64* minutiae;
  const u64* codes;
  int n, cylinders, edges;
  int effective;  // halves of minutiae that stand alone
  // all minutiae in order of y, with their indices, and where in this order each band of y begins
  alignas(64) f32 sorted_x[points_max + lanes], sorted_y[points_max + lanes];
  i32 sorted[points_max + lanes], first[bands + lanes];
  f32 low_y;
};

// Padded, and then all of it once more, so that pair k + d of a ring of `ring` pairs needs no wrapping round.
struct alignas(64) Pairs {
  f32 ax[2 * pairs_max], ay[2 * pairs_max], bx[2 * pairs_max], by[2 * pairs_max];
  f32 cos[2 * pairs_max], sin[2 * pairs_max], alike[2 * pairs_max];
  int n, ring;
};

struct Placing {
  f32 c, s, tx, ty;  // rotation and shift, A to B
};

struct alignas(64) Pairing : Placing {
  alignas(64) i32 i[points_max], j[points_max];
  f32 d2[points_max], turn[points_max], likeness[points_max];
  f32 px[points_max], py[points_max];  // A's minutiae in B's frame
  int n;
};

struct alignas(64) Work {
  Finger probe, candidate;
  u16 similarity[cylinders_max * cylinders_max];
  u16 row_best[cylinders_max], column_best[cylinders_max];
  u32 key[2 * cylinders_max + lanes];
  Pairs pairs;
  // how well pairs k and k + d agree, at 2 * ring * (d - 1) + k for d = 1 .. ring / 2, and again `ring` further
  f32 compatible[pairs_max * pairs_max];
  f32 v[2 * pairs_max], u[pairs_max], support[pairs_max];
  u32 reached[points_max * partners_max + lanes], cost[points_max * partners_max + lanes];
  u32 row_key[points_max], column_key[points_max];
  f32 qx[points_max], qy[points_max], sx[points_max], sy[points_max], sw[points_max];
  i32 inside_a[points_max], inside_b[points_max];
  Placing placing[placings_max];
  Pairing pairing, other;
  int placings, placed;  // how many, and which w.pairing is of
  const Finger *a, *b;  // probe and candidate, in the order that does not depend on who was asked
};

static void load(Finger& f, const u64* words, f32 offset);
static void similarities(Work& w);
static int choose(Work& w, int wanted, int* mutual);
static void fill(Work& w, const Tables& t, int n);
static int reachable(Work& w, const Pairing& r, f32 tolerance);
static void price(Work& w, const Tables& t, const Pairing& r, f32 tolerance, f32 gate, int reached);

static inline f32 x_of(u64 word) { return static_cast<f32>(static_cast<i32>(word & 0xffff) - 32768); }
static inline f32 y_of(u64 word) { return static_cast<f32>(static_cast<i32>(word >> 16 & 0xffff) - 32768); }
static inline int angle_of(u64 word) { return static_cast<int>(word >> 32 & 0xff); }

static void load_head(Finger& f, const u64* words) {
  f.n = static_cast<int>(words[0] & 0xff);
  f.cylinders = static_cast<int>(words[0] >> 8 & 0xff);
  f.edges = static_cast<int>(words[0] >> 16 & 0xff);
  f.effective = static_cast<int>(words[0] >> 24 & 0xff);
  f.minutiae = words + 1;
  f.codes = words + 1 + f.n;
}

static inline i32 band_of(const Finger& f, f32 y) {
  return static_cast<i32>(std::min(std::max(0.0f, (y - f.low_y) * (1.0f / 16.0f)), static_cast<f32>(bands - 1)));
}

static void load_directions(Finger& f, const Tables& t) {
  for (int i = 0; i < padded(f.n); ++i) {
    f.cos[i] = t.cosines[f.angle[i]];
    f.sin[i] = t.sines[f.angle[i]];
  }
}

// Minutiae in order of y: those with a cylinder are so by themselves, and so are the others.
static void load_bands(Finger& f) {
  i32 band[points_max];
  for (int k = 0, i = 0, j = f.cylinders; k < f.n; ++k) {
    const bool own = j >= f.n || (i < f.cylinders && f.y[i] <= f.y[j]);
    f.sorted[k] = own ? i : j;
    i += own;
    j += !own;
  }
  for (int k = 0; k < f.n; ++k) {
    f.sorted_x[k] = f.x[f.sorted[k]];
    f.sorted_y[k] = f.y[f.sorted[k]];
  }
  for (int k = f.n; k < f.n + lanes; ++k) {
    f.sorted_x[k] = f.sorted_y[k] = far_away;
    f.sorted[k] = 0;
  }
  f.low_y = f.sorted_y[0];
  for (int k = 0; k < f.n; ++k) band[k] = band_of(f, f.sorted_y[k]);
  for (int k = 0; k <= bands; ++k) f.first[k] = 0;
  for (int k = 0; k < f.n; ++k) f.first[band[k] + 1] = k + 1;
  for (int k = 1; k <= bands; ++k) f.first[k] = std::max(f.first[k - 1], f.first[k]);
}

// How much each minutia counts: one over those it stands among, as spurious ones come in clusters, times the root of
// its quality over the print's mean.
static void load_worth(Finger& f) {
  f32 total = 0.0f;
  for (int i = 0; i < f.n; ++i) {
    const int q = static_cast<int>(f.minutiae[i] >> 48 & 0xff);
    f.quality[i] = q > 0 ? static_cast<f32>(q) * 0.01f : 0.6f;
    total += f.quality[i];
  }
  const f32 per = static_cast<f32>(f.n) / total;
  for (int i = 0; i < f.n; ++i)
    f.worth[i] = std::sqrt(f.quality[i] * per) / static_cast<f32>(1 + static_cast<int>(f.minutiae[i] >> 42 & 63));
}

// Edges of the convex hull, from the order that preparation wrote into the minutiae: inside is edge . point + d >= 0.
static void load_hull(Finger& f) {
  int at[256];
  for (int k = 0; k < f.edges; ++k) at[k] = 0;
  for (int i = 0; i < f.n; ++i) {
    const int order = static_cast<int>(f.minutiae[i] >> 56);
    if (order > 0 && order <= f.edges) at[order - 1] = i;
  }
  for (int k = 0; k < f.edges; ++k) {
    const int p = at[k], q = at[k + 1 == f.edges ? 0 : k + 1];
    const f32 dx = f.x[q] - f.x[p], dy = f.y[q] - f.y[p];
    const f32 length = std::sqrt(dx * dx + dy * dy + 1.0e-6f);
    f.edge_x[k] = -dy / length;
    f.edge_y[k] = dx / length;
    f.edge_d[k] = (dy * f.x[p] - dx * f.y[p]) / length;
  }
}

// Whether `one` comes before `other` as A: more cylinders, more minutiae, then the words. So scores are symmetric.
static bool comes_first(const Finger& one, const Finger& other) {
  if (one.cylinders != other.cylinders) return one.cylinders > other.cylinders;
  if (one.n != other.n) return one.n > other.n;
  const u64 *p = one.minutiae, *q = other.minutiae;
  for (int k = 0, count = one.n + code_words * one.cylinders; k < count; ++k)
    if (p[k] != q[k]) return p[k] < q[k];
  return false;
}

}  // namespace cccd::matching::CCCD_LEVEL
