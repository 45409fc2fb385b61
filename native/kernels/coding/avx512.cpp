#define CCCD_LEVEL avx512
#define CCCD_WIDTH 16
#include "code.ipp"

#include <immintrin.h>

namespace cccd::coding::avx512 {

static Totals add_products(const Totals& totals, const Shorts& some, const Shorts& others) {
  return reinterpret_cast<Totals>(_mm512_dpwssd_epi32(reinterpret_cast<__m512i>(totals), reinterpret_cast<__m512i>(some),
                                                      reinterpret_cast<__m512i>(others)));
}

}  // namespace cccd::coding::avx512
