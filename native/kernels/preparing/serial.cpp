#define CCCD_LEVEL serial
#include "finger.ipp"

namespace cccd::preparing::serial {

static unsigned above(const Lanes& values, const Lanes& limits) {
  unsigned bits = 0;
  for (int k = 0; k < lanes; ++k) bits |= static_cast<unsigned>(values[k] > limits[k]) << k;
  return bits;
}

}  // namespace cccd::preparing::serial
