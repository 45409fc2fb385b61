// The layers of the network that finds minutiae. Twin of src/cccd_core/extraction/kernels/layers.py, bit for bit.
//
// Products are of whole numbers, 16 bits each, whose sums stay within 32 bits and do not depend on their order; between
// them stand floats with +, -, *, / and square root, each rounded on its own and added in one stated order.
//
// Images are [height][width][channels] of int16; channels are multiples of 16, those beyond the real ones hold zero.
#pragma once
#include <cstddef>
#include <cstdint>

namespace cccd::extraction {

constexpr std::size_t lanes = 16;           // channels that are looked at together
constexpr std::size_t pixels_at_once = 24;  // of a row
constexpr std::size_t channels_max = 1024;
constexpr std::size_t stem_inputs = 42;     // pixels around one: 25 close by and 16 further out, and one of weight 0
constexpr std::size_t gates = 3;            // dilated convolutions of the gate
constexpr std::size_t gate_taps = 9;
constexpr std::size_t gate_channels = 32;
constexpr std::size_t gate_reach = 6;
constexpr int most = 8191;                  // of a number between two layers

// Of a product: weights as [outputs / 16][inputs / 2][16][2], and what makes a sum a real number.
struct Product {
  const std::int16_t* weights;
  const float* scale;  // [outputs]
  const float* bias;   // [outputs]
  std::size_t inputs, outputs;
};

// Of a depthwise convolution: weights as [(size + 1) / 2][size][channels / 16][half 2][lane 2][4][2 rows].
struct Depthwise {
  const std::int16_t* weights;
  const float* scale;  // [channels]
  std::size_t size, channels;
};

// Of a layer normalisation: gamma and beta are 0 beyond the real channels, and so is `real`, which is 1 on them.
struct Norm {
  const float* gamma;
  const float* beta;
  const float* real;
  float count;
};

// An image with the border that its convolution reaches into.
struct Image {
  const std::int16_t* data;
  std::size_t height, width, channels;  // without the border
};

// stem: `image` has a border of 4 and one channel, of even sides; out [height / 2][width / 2][outputs], the largest or
// the mean of four. separable, bottleneck: out [height][width][outputs]; `to_middle`, `to_out` make real numbers whole.
#define CCCD_EXTRACTION_LEVEL(level)                                                                                  \
  namespace level {                                                                                                   \
  void stem(const Image&, const Product&, const Norm&, bool largest, float to_out, std::int16_t* out);                \
  void separable(const Image&, const Depthwise&, const Product&, const Norm&, float to_out, std::int16_t* out);       \
  void bottleneck(const Image&, const Depthwise&, const Norm&, const Product& expand, const Product& reduce,          \
                  const Product& adjust, float to_middle, float to_out, std::int16_t* out);                           \
  void gate(const Image&, const Product* seen, const Product& weigh, float to_middle, std::int16_t* out);             \
  }
CCCD_EXTRACTION_LEVEL(serial)
CCCD_EXTRACTION_LEVEL(avx2)
CCCD_EXTRACTION_LEVEL(avx512)
#undef CCCD_EXTRACTION_LEVEL

}  // namespace cccd::extraction
