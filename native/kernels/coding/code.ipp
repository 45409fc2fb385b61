// Coding, shared by all levels: every loop over outputs is one that the compiler makes vectors of without changing the
// order in which an output's terms are added. The level's file defines `product`.
#include <bit>
#include <cmath>
#include <cstring>

#include "coding.hpp"

namespace cccd::coding::CCCD_LEVEL {

// Adds the products of `count` whole numbers, a multiple of 32, with those of each row, which lie one after the other.
// The sums stay within 32 bits, since a pooled finger is of one length.
static void products(const std::int16_t* pooled, const std::int16_t* rows, std::size_t count, std::int32_t* sums);

static std::size_t cylinders_of(std::uint64_t head) { return head >> 8 & 0xff; }
static std::size_t minutiae_of(std::uint64_t head) { return head & 0xff; }

// A register of the level; what is added does not depend on how many numbers it holds.
using Lanes = float __attribute__((vector_size(CCCD_WIDTH * sizeof(float))));
constexpr std::size_t lanes = CCCD_WIDTH;

static Lanes load(const float* from) {
  Lanes values;
  std::memcpy(&values, from, sizeof values);
  return values;
}

static void store(float* to, const Lanes& values) { std::memcpy(to, &values, sizeof values); }

// The sum of the magnitudes of `count` numbers, a multiple of 16: every sixteenth first.
static float sum(const float* values, std::size_t count) {
  constexpr std::size_t parts = 16;
  float each[parts] = {}, total = 0.0f;
  for (std::size_t i = 0; i < count; i += parts)
    for (std::size_t part = 0; part < parts; ++part) each[part] += std::fabs(values[i + part]);
  for (std::size_t part = 0; part < parts; ++part) total += each[part];
  return total;
}

// The inputs that are 1 for a minutia: where its cylinders have a bit. Returns how many there are.
static std::size_t inputs_of(const Model& model, const std::uint64_t* words, const std::int64_t* offsets,
                             std::size_t cylinder, std::uint16_t* inputs) {
  std::size_t count = 0;
  for (std::size_t scale = 0; scale < model.scales; ++scale) {
    const std::uint64_t* finger = words + offsets[scale];
    const std::size_t cylinders = cylinders_of(finger[0]);
    const std::uint64_t* first = finger + 1 + minutiae_of(finger[0]) + cylinder;
    for (std::size_t word = 0; word < bit_words; ++word) {
      std::uint64_t left = first[word * cylinders];
      if (word == bit_words - 1) left &= (1ull << (bits - 64 * (bit_words - 1))) - 1;
      for (; left; left &= left - 1)
        inputs[count++] =
            static_cast<std::uint16_t>(scale * bits + 64 * word + static_cast<std::size_t>(std::countr_zero(left)));
    }
  }
  return count;
}

// What a minutia looks like: the rows of the embedding added up, modulo 2^16, which only what is no finger reaches.
static void embed(const Model& model, const std::uint16_t* inputs, std::size_t count, float* out) {
  constexpr std::size_t wide = 2 * lanes, together = 4;
  using Bytes = std::int8_t __attribute__((vector_size(wide)));
  using Signed = std::int16_t __attribute__((vector_size(2 * wide)));
  using Shorts = std::uint16_t __attribute__((vector_size(2 * wide)));
  for (std::size_t d = 0; d < model.depth; d += together * wide) {
    Shorts total[together] = {};
    for (std::size_t i = 0; i < count; ++i) {
      const std::int8_t* row = model.embedding + inputs[i] * model.depth + d;
      for (std::size_t part = 0; part < together; ++part) {
        Bytes narrow;
        std::memcpy(&narrow, row + part * wide, sizeof narrow);
        total[part] += reinterpret_cast<Shorts>(__builtin_convertvector(narrow, Signed));
      }
    }
    std::int16_t whole[together * wide];
    std::memcpy(whole, total, sizeof whole);
    for (std::size_t i = 0; i < together * wide; ++i)
      out[d + i] = static_cast<float>(whole[i]) * model.embedding_scale[d + i] + model.embedding_bias[d + i];
  }
}

// How much a minutia belongs to each word of the vocabulary; together 1.
static void assign(const Model& model, const std::uint16_t* inputs, std::size_t inputs_count, float* share) {
  const std::size_t count = model.vocabulary;
  Lanes most{};
  for (std::size_t k = 0; k < count; k += lanes) {
    Lanes total = load(model.assignment_bias + k);
    for (std::size_t i = 0; i < inputs_count; ++i) total += load(model.assignment + inputs[i] * count + k);
    store(share + k, total);
    most = k == 0 ? total : total > most ? total : most;
  }
  float largest = most[0];
  for (std::size_t lane = 1; lane < lanes; ++lane) largest = most[lane] > largest ? most[lane] : largest;
  for (std::size_t k = 0; k < count; k += lanes) {
    // (1 + x / 1024) to the 1024th for the exponential, which the standard library rounds differently everywhere
    Lanes power = (load(share + k) - largest) * (1.0f / 1024.0f);
    power = 1.0f + (power > -0.02f ? power : Lanes{} - 0.02f);
    for (int step = 0; step < 10; ++step) power *= power;
    store(share + k, power);
  }
  const float total = sum(share, count);
  for (std::size_t k = 0; k < count; k += lanes) store(share + k, load(share + k) / total);
}

// The finger as whole numbers: what its minutiae add to each word beyond its centre, signed roots, to one length.
static void pool(const Model& model, const std::uint64_t* words, const std::int64_t* offsets, float* sums,
                 std::int16_t* out) {
  const std::size_t cylinders = cylinders_of(words[offsets[0]]);
  const std::size_t depth = model.depth, count = model.vocabulary;
  std::uint16_t inputs[scales_max * bits];
  float seen[depth_max], share[words_max], weight[words_max] = {};
  std::memset(sums, 0, count * depth * sizeof(float));
  for (std::size_t cylinder = 0; cylinder < cylinders; ++cylinder) {
    const std::size_t inputs_count = inputs_of(model, words, offsets, cylinder, inputs);
    embed(model, inputs, inputs_count, seen);
    assign(model, inputs, inputs_count, share);
    for (std::size_t k = 0; k < count; ++k) {
      float* row = sums + k * depth;
      weight[k] += share[k];
      for (std::size_t d = 0; d < depth; d += lanes) store(row + d, load(row + d) + share[k] * load(seen + d));
    }
  }
  for (std::size_t k = 0; k < count; ++k)
    for (std::size_t d = 0; d < depth; d += lanes) {
      float* at = sums + k * depth + d;
      store(at, load(at) - weight[k] * load(model.centres + k * depth + d));
    }
  const float total = sum(sums, count * depth);
  const float scale = total > 0.0f ? static_cast<float>(level) / std::sqrt(total) : 0.0f;
  for (std::size_t i = 0; i < count * depth; ++i) {
    const float root = std::sqrt(std::fabs(sums[i])) * scale;
    out[i] = static_cast<std::int16_t>(static_cast<int>(std::floor((sums[i] < 0.0f ? -root : root) + 0.5f)));
  }
}

// The codes out of a finger's projections, `value` [outputs]: their signs, and their signed roots in four bits.
static void write(const Model& model, const float* value, std::uint8_t* signs, std::uint8_t* coarse) {
  const float total = sum(value, model.outputs);
  const float scale = total > 0.0f ? model.coarse_scale / std::sqrt(total) : 0.0f;
  for (std::size_t byte = 0; byte < model.outputs / 8; ++byte) {
    unsigned eight = 0;
    for (std::size_t bit = 0; bit < 8; ++bit) eight |= (value[8 * byte + bit] > 0.0f ? 1u : 0u) << bit;
    signs[byte] = static_cast<std::uint8_t>(eight);
  }
  for (std::size_t byte = 0; byte < model.coarse / 2; ++byte) {
    unsigned pair = 0;
    for (std::size_t half = 0; half < 2; ++half) {
      const float one = value[2 * byte + half];
      const float root = std::sqrt(std::fabs(one)) * scale;
      int step = static_cast<int>(std::floor((one < 0.0f ? -root : root) + 0.5f));
      step = step > int4_most ? int4_most : step < -int4_most ? -int4_most : step;
      pair |= (static_cast<unsigned>(step) & 15u) << (4 * half);
    }
    coarse[byte] = static_cast<std::uint8_t>(pair);
  }
}

void codes(const Model& model, const Room& room, const std::uint64_t* words, const std::int64_t* offsets,
           std::size_t fingers, std::uint8_t* signs, std::uint8_t* coarse) {
  const std::size_t inputs = model.vocabulary * model.depth;
  for (std::size_t start = 0; start < fingers; start += fingers_at_once) {
    const std::size_t count = fingers - start < fingers_at_once ? fingers - start : fingers_at_once;
    for (std::size_t f = 0; f < count; ++f)
      pool(model, words, offsets + (start + f) * model.scales, room.sums, room.pooled + f * inputs);
    for (std::size_t o = 0; o < model.outputs; o += rows_at_once) {
      std::int32_t sums[fingers_at_once * rows_at_once] = {};
      // what is widened stays in the first-level cache while all fingers pass over it
      for (std::size_t from = 0; from < inputs; from += inputs_at_once) {
        const std::size_t here = inputs - from < inputs_at_once ? inputs - from : inputs_at_once;
        for (std::size_t r = 0; r < rows_at_once; ++r) {
          std::int16_t* __restrict to = room.rows + r * here;
          const std::int8_t* __restrict narrow = model.projection + (o + r) * inputs + from;
          for (std::size_t i = 0; i < here; ++i) to[i] = narrow[i];
        }
        for (std::size_t f = 0; f < count; ++f)
          products(room.pooled + f * inputs + from, room.rows, here, sums + f * rows_at_once);
      }
      for (std::size_t f = 0; f < count; ++f)
        for (std::size_t r = 0; r < rows_at_once; ++r)
          room.values[f * model.outputs + o + r] =
              static_cast<float>(sums[f * rows_at_once + r]) * model.projection_scale[o + r] +
              model.projection_bias[o + r];
    }
    for (std::size_t f = 0; f < count; ++f) {
      std::uint8_t* to = signs + (start + f) * (model.outputs / 8);
      std::uint8_t* to_coarse = coarse + (start + f) * (model.coarse / 2);
      if (cylinders_of(words[offsets[(start + f) * model.scales]]) == 0) {
        std::memset(to, 0, model.outputs / 8);
        std::memset(to_coarse, 0, model.coarse / 2);
      } else {
        write(model, room.values + f * model.outputs, to, to_coarse);
      }
    }
  }
}

}  // namespace cccd::coding::CCCD_LEVEL
