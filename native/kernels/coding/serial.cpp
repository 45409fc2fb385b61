#define CCCD_LEVEL serial
#define CCCD_WIDTH 4
#include "code.ipp"

namespace cccd::coding::serial {

static Totals add_products(const Totals& totals, const Shorts& some, const Shorts& others) {
  Totals sums = totals;
  for (std::size_t lane = 0; lane < lanes; ++lane)
    sums[lane] += some[2 * lane] * others[2 * lane] + some[2 * lane + 1] * others[2 * lane + 1];
  return sums;
}

}  // namespace cccd::coding::serial
