// What scoring works on: fingers unpacked into arrays padded to 16, pairs, placements, and the one order of adding up.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "matching.hpp"

namespace cccd::matching::CCCD_LEVEL {

using u32 = std::uint32_t;
using i32 = std::int32_t;
using u64 = std::uint64_t;
using f32 = float;

constexpr int lanes = 16;
constexpr int points_max = 128;  // minutiae_max, padded
constexpr int pairs_max = 128;
constexpr int placings_max = 16;
constexpr int code_halves = 2 * code_words;
constexpr u32 none = 0xffffffffu;
constexpr f32 far_away = 1.0e6f;
constexpr f32 steps = 1024.0f;         // of a similarity
constexpr f32 step = 1.0f / 1024.0f;

static inline int padded(int n) { return (n + lanes - 1) & ~(lanes - 1); }

struct alignas(64) Finger {
  u32 code[code_halves][cylinders_max];  // 64-bit words in halves, low first
  f32 scale[cylinders_max];  // 1 / sqrt(bits + offset)
  f32 x[points_max], y[points_max], cos[points_max], sin[points_max];
  f32 edge_x[points_max], edge_y[points_max], edge_d[points_max];
  const u64* minutiae;
  int n, cylinders, edges;
  f32 low_x, high_x, low_y, high_y;
};

struct alignas(64) Pairs {
  f32 ax[pairs_max], ay[pairs_max], bx[pairs_max], by[pairs_max], cos[pairs_max], sin[pairs_max], s[pairs_max];
  i32 i[pairs_max], j[pairs_max];
  int n;
};

struct Placing {
  f32 c, s_, tx, ty;  // rotation and shift, A to B
};

struct alignas(64) Pairing : Placing {
  i32 i[points_max], j[points_max];
  f32 d2[points_max], turn[points_max], s[points_max];
  f32 px[points_max], py[points_max];  // A's minutiae in B's frame
  int n;
};

struct alignas(64) Work {
  Finger a, b;
  u32 similarity[cylinders_max * cylinders_max];
  u32 row_best[cylinders_max], column_best[cylinders_max];
  Pairs pairs;
  f32 compatible[pairs_max * pairs_max];
  f32 v[pairs_max], u[pairs_max], support[pairs_max];
  u32 row_key[points_max];
  f32 qx[points_max], qy[points_max], sx[points_max], sy[points_max], sw[points_max];
  i32 inside_a[points_max], inside_b[points_max];
  Placing placing[placings_max];
  int placings, placed;  // how many, and which w.pairing is of
  Pairing pairing, other;
};

// What each level writes in its own way; plain.ipp says what they do.
static void similarities(Work& w);
static void transpose(const f32* from, f32* to);
struct Place;
static u32 nearest(const Work& w, const Place& at, u32* column_key);

// Where a minutia of A came to lie in B's frame, and what pairing it costs.
struct Place {
  int i;
  f32 x, y, cos, sin;
  f32 inverse, gate, unlike, absent;  // 1 / tolerance^2, the turn's gate, cost a step of similarity, cost without cylinder
};

// A sum in 16 lanes, then lanes in order: the one order in which floats are added up.
static f32 lane_sum(const f32* values, int n) {
  f32 lane[lanes] = {};
  for (int k = 0; k < padded(n); k += lanes)
    for (int l = 0; l < lanes; ++l) lane[l] += values[k + l];
  f32 sum = 0.0f;
  for (int l = 0; l < lanes; ++l) sum += lane[l];
  return sum;
}

static void load_codes(Finger& f, const u64* words, f32 offset) {
  f.n = static_cast<int>(words[0] & 0xff);
  f.cylinders = static_cast<int>(words[0] >> 8 & 0xff);
  f.edges = static_cast<int>(words[0] >> 16 & 0xff);
  f.minutiae = words + 1;
  const u64* codes = words + 1 + f.n;
  const int c = f.cylinders, c16 = padded(c);
  i32 bits[cylinders_max] = {};
  for (int k = 0; k < code_words; ++k) {
    const u64* word = codes + k * c;
    u32 *low = f.code[2 * k], *high = f.code[2 * k + 1];
    for (int i = 0; i < c; ++i) {
      low[i] = static_cast<u32>(word[i]);
      high[i] = static_cast<u32>(word[i] >> 32);
    }
    for (int i = c; i < c16; ++i) low[i] = high[i] = 0;
    for (int i = 0; i < c16; ++i) bits[i] += __builtin_popcount(low[i]) + __builtin_popcount(high[i]);
  }
  for (int i = 0; i < c16; ++i) f.scale[i] = 1.0f / std::sqrt(static_cast<f32>(bits[i]) + offset);
}

static inline f32 x_of(u64 word) { return static_cast<f32>(static_cast<i32>(word & 0xffff) - 32768); }
static inline f32 y_of(u64 word) { return static_cast<f32>(static_cast<i32>(word >> 16 & 0xffff) - 32768); }
static inline int angle_of(u64 word) { return static_cast<int>(word >> 32 & 0xff); }

static void load_points(Finger& f, const Tables& t) {
  f.low_x = f.low_y = far_away;
  f.high_x = f.high_y = -far_away;
  for (int i = 0; i < f.n; ++i) {
    const u64 m = f.minutiae[i];
    f.x[i] = x_of(m);
    f.y[i] = y_of(m);
    f.cos[i] = t.cosines[angle_of(m)];
    f.sin[i] = t.sines[angle_of(m)];
    f.low_x = std::min(f.low_x, f.x[i]);
    f.high_x = std::max(f.high_x, f.x[i]);
    f.low_y = std::min(f.low_y, f.y[i]);
    f.high_y = std::max(f.high_y, f.y[i]);
  }
  for (int i = f.n; i < padded(f.n); ++i) {
    f.x[i] = far_away;
    f.y[i] = f.cos[i] = f.sin[i] = 0.0f;
  }
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

}  // namespace cccd::matching::CCCD_LEVEL
