#define CCCD_LEVEL avx2
#define CCCD_WIDTH 8
#include "code.ipp"

#include <immintrin.h>

namespace cccd::coding::avx2 {

static Totals add_products(const Totals& totals, const Shorts& some, const Shorts& others) {
  const __m256i both = _mm256_madd_epi16(reinterpret_cast<__m256i>(some), reinterpret_cast<__m256i>(others));
  return totals + reinterpret_cast<Totals>(both);
}

}  // namespace cccd::coding::avx2
