#define CCCD_LEVEL avx512
#include "finger.ipp"

#include <immintrin.h>

namespace cccd::preparing::avx512 {

static unsigned above(const Lanes& values, const Lanes& limits) {
  return _mm512_cmp_pd_mask(values, limits, _CMP_GT_OQ);
}

static unsigned above(const Quad& values, const Quad& limits) {
  return _mm256_cmp_pd_mask(values, limits, _CMP_GT_OQ);
}

static unsigned above(const Floats& values, const Floats& limits) {
  return _mm256_cmp_ps_mask(values, limits, _CMP_GT_OQ);
}

}  // namespace cccd::preparing::avx512
