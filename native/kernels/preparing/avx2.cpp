#define CCCD_LEVEL avx2
#include "finger.ipp"

#include <immintrin.h>

namespace cccd::preparing::avx2 {

static unsigned above(const Quad& values, const Quad& limits) {
  return static_cast<unsigned>(_mm256_movemask_pd(_mm256_cmp_pd(values, limits, _CMP_GT_OQ)));
}

static unsigned above(const Lanes& values, const Lanes& limits) {
  const Quad* a = reinterpret_cast<const Quad*>(&values);
  const Quad* b = reinterpret_cast<const Quad*>(&limits);
  return above(a[0], b[0]) | above(a[1], b[1]) << quad;
}

static unsigned above(const Floats& values, const Floats& limits) {
  return static_cast<unsigned>(_mm256_movemask_ps(_mm256_cmp_ps(values, limits, _CMP_GT_OQ)));
}

}  // namespace cccd::preparing::avx2
