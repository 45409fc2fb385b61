#define CCCD_LEVEL serial
#include "finger.ipp"

namespace cccd::preparing::serial {

template <typename Vector>
static unsigned bits_above(const Vector& values, const Vector& limits, int count) {
  unsigned bits = 0;
  for (int k = 0; k < count; ++k) bits |= static_cast<unsigned>(values[k] > limits[k]) << k;
  return bits;
}

static unsigned above(const Lanes& values, const Lanes& limits) { return bits_above(values, limits, lanes); }
static unsigned above(const Quad& values, const Quad& limits) { return bits_above(values, limits, quad); }
static unsigned above(const Floats& values, const Floats& limits) { return bits_above(values, limits, lanes); }

}  // namespace cccd::preparing::serial
