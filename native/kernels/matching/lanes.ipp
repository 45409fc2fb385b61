// Sixteen floats as one value, in whatever registers the level has: CCCD_REGISTER bytes each, one, two or four of them.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace cccd::matching::CCCD_LEVEL {

constexpr int lanes = 16;
constexpr int parts = 64 / CCCD_REGISTER;
using Part = float __attribute__((vector_size(CCCD_REGISTER)));
using Loose __attribute__((aligned(4))) = Part;  // behind `using`, as clang ignores it behind the type
using Truth = std::int32_t __attribute__((vector_size(CCCD_REGISTER)));
using Eight = float __attribute__((vector_size(32)));
using Four = float __attribute__((vector_size(16)));

struct V {
  Part part[parts];
};
struct Mask {
  Truth part[parts];
};

template <typename R, typename F>
static inline R each(F function) {
  R r;
  for (int k = 0; k < parts; ++k) r.part[k] = function(k);
  return r;
}

static inline V all(float x) {
  return each<V>([&](int) { return Part{} + x; });
}
static inline V operator+(const V& a, const V& b) {
  return each<V>([&](int k) { return a.part[k] + b.part[k]; });
}
static inline V operator-(const V& a, const V& b) {
  return each<V>([&](int k) { return a.part[k] - b.part[k]; });
}
static inline V operator*(const V& a, const V& b) {
  return each<V>([&](int k) { return a.part[k] * b.part[k]; });
}
static inline V operator/(const V& a, const V& b) {
  return each<V>([&](int k) { return a.part[k] / b.part[k]; });
}
static inline V operator+(const V& a, float b) { return a + all(b); }
static inline V operator+(float a, const V& b) { return all(a) + b; }
static inline V operator-(const V& a, float b) { return a - all(b); }
static inline V operator-(float a, const V& b) { return all(a) - b; }
static inline V operator*(const V& a, float b) { return a * all(b); }
static inline V operator*(float a, const V& b) { return all(a) * b; }
static inline V& operator+=(V& a, const V& b) { return a = a + b; }
static inline Mask operator<(const V& a, const V& b) {
  return each<Mask>([&](int k) { return a.part[k] < b.part[k]; });
}
static inline Mask operator==(const V& a, const V& b) {
  return each<Mask>([&](int k) { return a.part[k] == b.part[k]; });
}
static inline Mask operator&(const Mask& a, const Mask& b) {
  return each<Mask>([&](int k) { return a.part[k] & b.part[k]; });
}
static inline V select(const Mask& which, const V& a, const V& b) {
  return each<V>([&](int k) { return which.part[k] ? a.part[k] : b.part[k]; });
}

// Sixteen floats, which must be aligned to a register. To GCC and clang a vector is an alias of the floats in it.
static inline V at(const float* values, int k) {
  return each<V>([&](int p) { return *reinterpret_cast<const Part*>(values + k + p * lanes / parts); });
}
// Sixteen floats from any place.
static inline V from(const float* values, int k) {
  return each<V>([&](int p) { return Part(*reinterpret_cast<const Loose*>(values + k + p * lanes / parts)); });
}
static inline void put(float* values, int k, const V& v) {
  for (int p = 0; p < parts; ++p) *reinterpret_cast<Part*>(values + k + p * lanes / parts) = v.part[p];
}

// h, h + 1, ...
static inline V index_from(int h) {
  alignas(64) static constexpr float ramp[lanes] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return at(ramp, 0) + static_cast<float>(h);
}

// These lanes of a vector.
template <int... k, typename P>
static inline auto pick(P p) {
#if __has_builtin(__builtin_shufflevector)
  return __builtin_shufflevector(p, p, k...);
#else  // GCC before 12
  return std::conditional_t<sizeof...(k) == 8, Eight, Four>{p[k]...};
#endif
}

template <typename P>
static inline Eight eight(P p, bool upper) {
  return upper ? pick<8, 9, 10, 11, 12, 13, 14, 15>(p) : pick<0, 1, 2, 3, 4, 5, 6, 7>(p);
}
template <typename P>
static inline Four four(P p, bool upper) {
  return upper ? pick<4, 5, 6, 7>(p) : pick<0, 1, 2, 3>(p);
}

// The lanes as one number: halves onto each other.
template <typename F>
static inline float fold(const V& v, F both) {
  Four all4;
  if constexpr (parts == 1) {
    const Eight half = both(eight(v.part[0], false), eight(v.part[0], true));
    all4 = both(four(half, false), four(half, true));
  } else if constexpr (parts == 2) {
    const Part half = both(v.part[0], v.part[1]);
    all4 = both(four(half, false), four(half, true));
  } else {
    all4 = both(both(v.part[0], v.part[2]), both(v.part[1], v.part[3]));
  }
  const Four two = both(all4, pick<2, 3, 2, 3>(all4));
  return both(two, pick<1, 1, 1, 1>(two))[0];
}

static inline float add_lanes(const V& v) {
  return fold(v, [](auto x, auto y) { return x + y; });
}

// The sum over k = 0, 16, ... below n of what `values(k)` gives for sixteen lanes: the one order in which many floats
// are added up.
template <typename F>
static inline float sum_of(int n, F values) {
  V total = all(0.0f);
  for (int k = 0; k < n; k += lanes) total += values(k);
  return add_lanes(total);
}

}  // namespace cccd::matching::CCCD_LEVEL
