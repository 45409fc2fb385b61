// Preparing, shared by all levels: the sections, padded to eight doubles, are one vector, which the compiler makes of
// those that the level has. The level's file defines `above`. No template of the standard library stands here that
// could be left as a function of its own: the linker would keep one level's copy of it for all.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "preparing.hpp"

namespace cccd::preparing::CCCD_LEVEL {

using i64 = std::int64_t;
using u64 = std::uint64_t;
using u32 = std::uint32_t;

constexpr int side = 8;  // cells along a side of the grid

constexpr int quad = 4;
using Lanes = double __attribute__((vector_size(lanes * sizeof(double))));
using Quad = double __attribute__((vector_size(quad * sizeof(double))));
using Indices = int __attribute__((vector_size(quad * sizeof(int))));
using Floats = float __attribute__((vector_size(lanes * sizeof(float))));

// The cells within the radius, which is four of them, lie side by side in each row of the grid: the first, and how
// many.
constexpr int first_used[side] = {2, 1, 0, 0, 0, 0, 1, 2};
constexpr int used[side] = {4, 6, 8, 8, 8, 8, 6, 4};
constexpr int used_cells = 52;
constexpr int rounded_max = 2048;  // squared distances that are rounded

// Which numbers are above those of `limits`, as bits.
static unsigned above(const Lanes& values, const Lanes& limits);
static unsigned above(const Quad& values, const Quad& limits);
static unsigned above(const Floats& values, const Floats& limits);

// The neighbours of all cylinders: the most central minutiae in order, places in whole pixels around their centre.
struct Places {
  int count;
  Lanes x[neighbours_max / lanes + 1];
  Lanes y[neighbours_max / lanes + 1];
  int angle[neighbours_max];
};

// Whole numbers are added up, so that the mean does not depend on the order of the minutiae.
static double mean(const std::uint16_t* places, std::size_t count) {
  u64 total = 0;
  for (std::size_t i = 0; i < count; ++i) total += places[i];
  return static_cast<double>(total) / static_cast<double>(std::max<std::size_t>(count, 1));
}

static double whole_px(std::uint16_t place, double mean, double scale) {
  // in this order, what is no number becomes one
  return std::max(-32767.0, std::min(32767.0, std::floor((place - mean) * scale + 0.5)));
}

// Puts `key` in its place among `count` sorted ones, of which no more than `most` are kept; returns how many there are.
static int insert(u64* keys, int count, int most, u64 key) {
  int at = count;
  if (count == most) {
    if (key >= keys[most - 1]) return count;
    --at;
  } else {
    ++count;
  }
  for (; at > 0 && keys[at - 1] > key; --at) keys[at] = keys[at - 1];
  keys[at] = key;
  return count;
}

// Sorts minutiae, at most minutiae_max, by y, of equals by x, then angle, else leaves them in their order.
template <typename X, typename Y>
static void sort_by_place(X px, Y py, const std::uint16_t* angle, u32* order, int count) {
  u64 keys[minutiae_max];
  u32 before[minutiae_max];
  for (int k = 0; k < count; ++k) {
    const u32 i = before[k] = order[k];
    const u64 row = static_cast<u64>(py(i) + 32768.0), column = static_cast<u64>(px(i) + 32768.0);
    insert(keys, k, minutiae_max, row << 40 | column << 24 | static_cast<u64>(angle[i]) << 8 | static_cast<u64>(k));
  }
  for (int k = 0; k < count; ++k) order[k] = before[keys[k] & 0xff];
}

// Corners of the convex hull, counter-clockwise, into `chain` [2 * minutiae_max]; fewer than three count as none.
// Andrew's monotone chain.
static int hull(const i64* x, const i64* y, int n, int* chain) {
  if (n < 3) return 0;
  u64 key[minutiae_max];
  for (int i = 0; i < n; ++i)
    insert(key, i, minutiae_max,
           static_cast<u64>(x[i] + 65536) << 34 | static_cast<u64>(y[i] + 65536) << 16 | static_cast<u64>(i));
  int count = 0, floor = 0;
  for (int step = 0; step < 2 * n - 1; ++step) {
    if (step == n) floor = count - 1;
    const int i = static_cast<int>(key[step < n ? step : 2 * n - 2 - step] & 0xffff);
    for (; count >= floor + 2; --count) {
      const int a = chain[count - 2], b = chain[count - 1];
      if ((x[b] - x[a]) * (y[i] - y[a]) - (y[b] - y[a]) * (x[i] - x[a]) > 0) break;
    }
    chain[count++] = i;
  }
  return --count >= 3 ? count : 0;
}

// How crowded the first `n` minutiae stand. crowd: how many others lie within `crowd_reach` of each, at most 63.
// Returns bits 0-7: the effective count in halves, rounded, each counting one over those it stands among; 8-15:
// neighbours within the radius a minutia, in eighths; 16-23: the mean cosine between neighbours' directions, in 255ths,
// 0 below zero.
static u64 surroundings(const Places& places, int n, const Tables& tables, int* crowd) {
  const double crowd2 = tables.crowd_reach * tables.crowd_reach, radius2 = tables.radius * tables.radius;
  double effective = 0.0;
  i64 links = 0, alike = 0;
  for (int i = 0; i < n; ++i) {
    int within = 0;
    for (int start = 0; start < n; start += lanes) {
      const Lanes dx = places.x[start / lanes] - places.x[i / lanes][i % lanes];
      const Lanes dy = places.y[start / lanes] - places.y[i / lanes][i % lanes];
      const Lanes squared = dx * dx + dy * dy;
      const unsigned there = (1u << std::min(lanes, n - start)) - 1;
      const unsigned earlier = (1u << std::clamp(i - start, 0, lanes)) - 1;
      const unsigned self = i / lanes == start / lanes ? 1u << i % lanes : 0;
      within += std::popcount(above(Lanes{} + crowd2, squared) & there & ~self);
      for (unsigned near = ~above(squared, Lanes{} + radius2) & there & earlier; near; near &= near - 1) {
        const int turn = (places.angle[start + std::countr_zero(near)] - places.angle[i]) & (steps - 1);
        const double cosine = tables.cosines[turn];
        alike += static_cast<i64>(std::floor(std::max(-1.0, std::min(1.0, cosine)) * 1024.0 + 0.5));
        ++links;
      }
    }
    crowd[i] = std::min(within, 63);
    effective += 1.0 / (1 + crowd[i]);
  }
  const u64 halves = static_cast<u64>(std::floor(2.0 * effective + 0.5));
  if (links == 0) return halves;
  const i64 around = std::min<i64>(255, 16 * links / n), along = alike > 0 ? 255 * alike / (1024 * links) : 0;
  return halves | static_cast<u64>(around) << 8 | static_cast<u64>(along) << 16;
}

// How cells lie in the cylinder's frame; a minutia reaches at most `width` rows and columns.
struct Grid {
  double cell, cells_a_px, reach, outer2;
  int width;
  bool narrow;  // three rows and columns, but where a minutia lies just between two cells
};

static Grid grid_of(const Tables& tables) {
  const double cell = tables.radius / 4.0, cells_a_px = 4.0 / tables.radius;
  const double reach = std::sqrt(static_cast<double>(tables.reach2)), outer = tables.radius + reach;
  const double width = std::max(0.0, std::min(7.0, 2.0 * reach * cells_a_px + 1e-6));
  return {cell, cells_a_px, reach, outer * outer, static_cast<int>(width) + 1, width < 3.01};
}

// The rows or columns of the grid that a minutia reaches, `width` of them from `from` on: the squared distance of each
// to it along this axis, or more than anything where it is outside the grid or out of reach.
struct Span {
  int from;
  Quad squared[side / quad];
};

static Span span(double place, const Grid& grid) {
  const double first = (place - grid.reach) * grid.cells_a_px + 3.5;
  const double last = (place + grid.reach) * grid.cells_a_px + 3.5;
  const double from = std::ceil(std::max(0.0, std::min(8.0, first)));  // in this order, what is no number becomes one
  Span found;
  found.from = static_cast<int>(from);
  for (int start = 0; start < grid.width; start += quad) {
    const Quad at = from + start + Quad{0.0, 1.0, 2.0, 3.0};
    const Quad off = (at - 3.5) * grid.cell - place;
    found.squared[start / quad] = at <= std::min(7.0, last) ? off * off : Quad{} + 1e300;
  }
  return found;
}

// Adds what the minutia at (u, v) in the cylinder's frame gives to the sections of each cell; `shares` are its parts in
// them.
static void spread(double u, double v, const double* shares, const Grid& grid, const Tables& tables, Lanes* total) {
  const Span columns = span(u, grid), rows = span(v, grid);
  const Quad beyond = Quad{} + (tables.reach2 + 1.0);
  Indices index[side][side / quad];
  u64 reached = 0;  // a byte a row
  for (int k = 0; k < grid.width; ++k)
    for (int start = 0; start < grid.width; start += quad) {
      const Quad squared = columns.squared[start / quad] + rows.squared[k / quad][k % quad] + 0.5;
      reached |= static_cast<u64>(above(beyond, squared)) << (8 * k + start);
      index[k][start / quad] = __builtin_convertvector(squared < beyond ? squared : beyond, Indices);
    }
  Lanes share;
  std::memcpy(&share, shares, sizeof share);
  const int first = rows.from * side + columns.from;
  for (; reached; reached &= reached - 1) {
    const int k = std::countr_zero(reached);
    total[first + k] += tables.spatial[index[k / side][k % side / quad][k % quad]] * share;
  }
}

// The words of a cylinder: bit s of `set(cell)` says whether section s of that cell is set.
template <typename Set>
static void pack(Set set, u64* words, std::size_t stride) {
  u64 layer[sections] = {};
  u64 eight = 0;
  int cells = 0;
  for (int row = 0; row < side; ++row)
    for (int column = first_used[row]; column < first_used[row] + used[row]; ++column) {
      eight |= static_cast<u64>(set(row * side + column)) << 8 * (cells & 7);
      if ((++cells & 7) && cells < used_cells) continue;
      // eight cells' bits, a byte each: one section's of all are gathered into the highest byte
      for (int section = 0; section < sections; ++section)
        layer[section] |= ((eight >> section & 0x0101010101010101) * 0x0102040810204080 >> 56) << ((cells - 1) & ~7);
      eight = 0;
    }
  u64 code[code_words] = {};
  for (int section = 0, bit = 0; section < sections; ++section, bit += used_cells) {
    code[bit >> 6] |= layer[section] << (bit & 63);
    if ((bit & 63) + used_cells > 64) code[(bit >> 6) + 1] |= layer[section] >> (64 - (bit & 63));
  }
  for (int word = 0; word < code_words; ++word) words[word * stride] = code[word];
}

// The code of minutia `i`: one bit for each section and used cell, set above the threshold.
static void cylinder(const Places& places, int i, const Grid& grid, const Tables& tables, u64* words,
                     std::size_t stride) {
  const double c = tables.cosines[places.angle[i]], s = tables.sines[places.angle[i]];
  Lanes total[side * side] = {};
  for (int start = 0; start < places.count; start += lanes) {
    const Lanes dx = places.x[start / lanes] - places.x[i / lanes][i % lanes];
    const Lanes dy = places.y[start / lanes] - places.y[i / lanes][i % lanes];
    const unsigned there = (1u << std::min(lanes, places.count - start)) - 1;
    unsigned near = ~above(dx * dx + dy * dy, Lanes{} + grid.outer2) & there;
    if (i / lanes == start / lanes) near &= ~(1u << i % lanes);
    for (; near; near &= near - 1) {
      const int k = std::countr_zero(near);
      const int turn = (places.angle[start + k] - places.angle[i]) & (steps - 1);
      spread(c * dx[k] + s * dy[k], c * dy[k] - s * dx[k], tables.angular + turn * lanes, grid, tables, total);
    }
  }
  const Lanes threshold = Lanes{} + tables.threshold;
  pack([&](int cell) { return above(total[cell], threshold); }, words, stride);
}

// The tables in 24 bits. What is added up by them, at most neighbours_max numbers none of which is negative, is within
// one in 2^16 of what it is: above `surely` it is above the threshold, and not above `barely` it is not. Nothing is
// rounded of what no parameters have.
struct Rounded {
  bool usable;
  float surely, barely;
  float spatial[rounded_max];
  float angular[steps * lanes];
};

static void round_tables(const Tables& tables, const Grid& grid, Rounded* out) {
  const int count = tables.reach2 + 2;
  out->usable = count <= rounded_max && grid.width <= quad && tables.threshold > 1e-12 && tables.threshold < 1e12 &&
                tables.spatial[count - 1] == 0.0;
  if (!out->usable) return;
  int fit = 1;
  for (int k = 0; k < count; ++k) {
    fit &= static_cast<int>(tables.spatial[k] >= 0.0) & static_cast<int>(tables.spatial[k] < 1e12);
    out->spatial[k] = static_cast<float>(tables.spatial[k]);
  }
  for (int k = 0; k < steps * lanes; ++k) {
    fit &= static_cast<int>(tables.angular[k] >= 0.0) & static_cast<int>(tables.angular[k] < 1e12);
    out->angular[k] = static_cast<float>(tables.angular[k]);
  }
  out->usable = fit;
  out->surely = static_cast<float>(tables.threshold * (1.0 + 1.0 / 32768.0));
  out->barely = static_cast<float>(tables.threshold * (1.0 - 1.0 / 32768.0));
}

// Along one axis of the grid, what a neighbour reaches: from `first` to `last`; `start` is the first row or column of
// the grid that is within.
struct Axis {
  double place[neighbours_max], first[neighbours_max], last[neighbours_max], start[neighbours_max];
};

static void reach_along(Axis& axis, int count, const Grid& grid) {
  for (int k = 0; k < count; ++k) {
    axis.first[k] = (axis.place[k] - grid.reach) * grid.cells_a_px + 3.5;
    axis.last[k] = (axis.place[k] + grid.reach) * grid.cells_a_px + 3.5;
    axis.start[k] = std::ceil(axis.first[k] > 0.0 ? axis.first[k] : 0.0);  // what is no number becomes one
  }
}

// The squared distances of neighbour `k` to four rows or columns from `from` on, or more than anything out of reach.
static Quad squares(const Axis& axis, int k, double from, const Grid& grid) {
  const Quad at = from + Quad{0.0, 1.0, 2.0, 3.0}, off = (at - 3.5) * grid.cell - axis.place[k];
  const Quad inside = at >= Quad{} + axis.first[k] ? off * off : Quad{} + 1e300;
  return at <= Quad{} + axis.last[k] ? inside : Quad{} + 1e300;
}

// Adds what neighbour `k` gives to a square of so many cells a side, which holds all that it reaches.
template <int wide>
static void add_square(const Axis& u, const Axis& v, int k, const Floats& share, const Grid& grid, double beyond,
                       const Rounded& rounded, Floats* total) {
  constexpr double last = side - wide;
  const double column = u.start[k] < last ? u.start[k] : last, row = v.start[k] < last ? v.start[k] : last;
  const Quad columns = squares(u, k, column, grid), rows = squares(v, k, row, grid);
  Floats* to = total + static_cast<int>(row) * side + static_cast<int>(column);
  int index[wide][quad];
  for (int r = 0; r < wide; ++r) {
    const Quad squared = columns + rows[r] + 0.5;
    const Indices whole = __builtin_convertvector(squared < beyond ? squared : Quad{} + beyond, Indices);
    std::memcpy(index[r], &whole, sizeof whole);
  }
  for (int r = 0; r < wide; ++r)
    for (int c = 0; c < wide; ++c) to[r * side + c] += rounded.spatial[index[r][c]] * share;
}

// As `cylinder`, by rounded tables: false, and no words, where they cannot tell whether a sum is above the threshold.
static bool rounded_cylinder(const Places& places, int i, const Grid& grid, const Tables& tables, const Rounded& rounded,
                             u64* words, std::size_t stride) {
  const double c = tables.cosines[places.angle[i]], s = tables.sines[places.angle[i]];
  double dx[neighbours_max], dy[neighbours_max];
  int turn[neighbours_max];
  int count = 0;
  for (int start = 0; start < places.count; start += lanes) {
    const Lanes across = places.x[start / lanes] - places.x[i / lanes][i % lanes];
    const Lanes up = places.y[start / lanes] - places.y[i / lanes][i % lanes];
    const unsigned there = (1u << std::min(lanes, places.count - start)) - 1;
    unsigned near = ~above(across * across + up * up, Lanes{} + grid.outer2) & there;
    if (i / lanes == start / lanes) near &= ~(1u << i % lanes);
    for (; near; near &= near - 1) {
      const int k = std::countr_zero(near);
      dx[count] = across[k];
      dy[count] = up[k];
      turn[count++] = (places.angle[start + k] - places.angle[i]) & (steps - 1);
    }
  }
  Axis u, v;
  for (int k = 0; k < count; ++k) {
    u.place[k] = c * dx[k] + s * dy[k];
    v.place[k] = c * dy[k] - s * dx[k];
  }
  reach_along(u, count, grid);
  reach_along(v, count, grid);
  const double beyond = tables.reach2 + 1.0;
  Floats total[side * side] = {};
  for (int k = 0; k < count; ++k) {
    Floats share;
    std::memcpy(&share, rounded.angular + turn[k] * lanes, sizeof share);
    if (grid.narrow && u.last[k] < u.start[k] + 3.0 && v.last[k] < v.start[k] + 3.0)
      add_square<3>(u, v, k, share, grid, beyond, rounded, total);
    else
      add_square<4>(u, v, k, share, grid, beyond, rounded, total);
  }
  const Floats surely = Floats{} + rounded.surely, barely = Floats{} + rounded.barely;
  unsigned doubtful = 0;
  auto set = [&](int cell) {
    const unsigned bits = above(total[cell], surely);
    doubtful |= bits ^ above(total[cell], barely);
    return bits;
  };
  pack(set, words, stride);
  return !doubtful;
}

// What a finger is of its own tables, its minutiae in their order and the corners of their hull being known.
static void at_scale(const Minutiae& minutiae, const Places& places, const u32* chosen, const int* chain, int corners,
                     const Tables& tables, int kept, int cylinders, u64* words) {
  int crowd[minutiae_max];
  words[0] = static_cast<u64>(kept | cylinders << 8 | corners << 16) | surroundings(places, kept, tables, crowd) << 24;
  for (int k = 0; k < kept; ++k) {
    const i64 x = static_cast<i64>(places.x[k / lanes][k % lanes]), y = static_cast<i64>(places.y[k / lanes][k % lanes]);
    words[1 + k] = static_cast<u64>(x + 32768) | static_cast<u64>(y + 32768) << 16 |
                   static_cast<u64>(places.angle[k]) << 32 | static_cast<u64>(minutiae.kind[chosen[k]] & 3) << 40 |
                   static_cast<u64>(crowd[k]) << 42 |
                   static_cast<u64>(std::min<int>(minutiae.quality[chosen[k]], 100)) << 48;
  }
  for (int k = 0; k < corners; ++k) words[1 + chain[k]] |= static_cast<u64>(k + 1) << 56;
  const Grid grid = grid_of(tables);
  Rounded rounded;
  round_tables(tables, grid, &rounded);
  for (int i = 0; i < cylinders; ++i) {
    u64* first = words + 1 + kept + i;
    const auto stride = static_cast<std::size_t>(cylinders);
    if (!rounded.usable || !rounded_cylinder(places, i, grid, tables, rounded, first, stride))
      cylinder(places, i, grid, tables, first, stride);
  }
}

void finger(const Minutiae& minutiae, const Tables* tables, std::size_t scales, int kept, int cylinders, i64* order,
            u64* words) {
  const double mean_x = mean(minutiae.x, minutiae.count), mean_y = mean(minutiae.y, minutiae.count);
  auto px = [&](std::size_t i) { return whole_px(minutiae.x[i], mean_x, minutiae.scale_x); };
  auto py = [&](std::size_t i) { return whole_px(minutiae.y[i], mean_y, minutiae.scale_y); };
  u64 nearest[neighbours_max];
  u32 chosen[neighbours_max];
  Places places{};
  for (std::size_t i = 0; i < minutiae.count; ++i) {
    const u64 squared = static_cast<u64>(px(i) * px(i) + py(i) * py(i));
    places.count = insert(nearest, places.count, neighbours_max, squared << 32 | i);
  }
  for (int k = 0; k < places.count; ++k) chosen[k] = static_cast<u32>(nearest[k]);
  sort_by_place(px, py, minutiae.angle, chosen, cylinders);
  sort_by_place(px, py, minutiae.angle, chosen + cylinders, kept - cylinders);
  i64 x[minutiae_max], y[minutiae_max];
  for (int k = 0; k < places.count; ++k) {
    const u32 i = chosen[k];
    order[k] = i;
    places.x[k / lanes][k % lanes] = px(i);
    places.y[k / lanes][k % lanes] = py(i);
    places.angle[k] = (minutiae.angle[i] + 128) >> 8 & (steps - 1);
    if (k >= kept) continue;
    x[k] = static_cast<i64>(px(i));
    y[k] = static_cast<i64>(py(i));
  }
  int chain[2 * minutiae_max];
  const int corners = hull(x, y, kept, chain);
  for (std::size_t scale = 0; scale < scales; ++scale, words += 1 + kept + code_words * cylinders)
    at_scale(minutiae, places, chosen, chain, corners, tables[scale], kept, cylinders, words);
}

}  // namespace cccd::preparing::CCCD_LEVEL
