#define CCCD_LEVEL serial
#define CCCD_WIDTH 4
#include "code.ipp"

namespace cccd::coding::serial {

static void products(const std::int16_t* pooled, const std::int16_t* rows, std::size_t count, std::int32_t* sums) {
  for (std::size_t r = 0; r < rows_at_once; ++r) {
    std::int32_t sum = 0;
    for (std::size_t i = 0; i < count; ++i) sum += pooled[i] * rows[r * count + i];
    sums[r] += sum;
  }
}

}  // namespace cccd::coding::serial
