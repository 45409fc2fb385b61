#define CCCD_LEVEL avx2
#include "finger.ipp"

#include <immintrin.h>

namespace cccd::preparing::avx2 {

static unsigned above(const Lanes& values, const Lanes& limits) {
  const double* a = reinterpret_cast<const double*>(&values);
  const double* b = reinterpret_cast<const double*>(&limits);
  const int low = _mm256_movemask_pd(_mm256_cmp_pd(_mm256_load_pd(a), _mm256_load_pd(b), _CMP_GT_OQ));
  const int high = _mm256_movemask_pd(_mm256_cmp_pd(_mm256_load_pd(a + 4), _mm256_load_pd(b + 4), _CMP_GT_OQ));
  return static_cast<unsigned>(low | high << 4);
}

}  // namespace cccd::preparing::avx2
