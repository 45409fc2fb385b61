// Coding, shared by all levels: every loop over outputs is one that the compiler makes vectors of without changing the
// order in which an output's terms are added. The level's file defines `add_products`.
#include <bit>
#include <cmath>
#include <cstring>

#include "coding.hpp"

namespace cccd::coding::CCCD_LEVEL {

static std::size_t cylinders_of(std::uint64_t head) { return head >> 8 & 0xff; }
static std::size_t minutiae_of(std::uint64_t head) { return head & 0xff; }

// A register of the level; what is added does not depend on how many numbers it holds.
using Lanes = float __attribute__((vector_size(CCCD_WIDTH * sizeof(float))));
constexpr std::size_t lanes = CCCD_WIDTH;

template <typename Register, typename Number>
static Register load(const Number* from) {
  Register values;
  std::memcpy(&values, from, sizeof values);
  return values;
}

static Lanes load(const float* from) { return load<Lanes>(from); }

static void store(float* to, const Lanes& values) { std::memcpy(to, &values, sizeof values); }

// Whole numbers in a register: 32 bits of what is added up, 16 of what is multiplied.
using Totals = std::int32_t __attribute__((vector_size(CCCD_WIDTH * sizeof(std::int32_t))));
using Shorts = std::int16_t __attribute__((vector_size(CCCD_WIDTH * sizeof(std::int32_t))));

// Bytes of the embedding, two by two, the first one the lower, each 128 more than it is.
using Pairs = std::uint16_t __attribute__((vector_size(CCCD_WIDTH * sizeof(std::int32_t))));
constexpr std::size_t numbers = lanes == 4 ? 64 : 128;  // of the embedding in registers together

// Adds the product of numbers 2 i and that of numbers 2 i + 1 to total i. The totals stay within 32 bits, since a
// pooled finger is of one length.
static Totals add_products(const Totals& totals, const Shorts& some, const Shorts& others);

// The sum of the magnitudes of `count` numbers, a multiple of 16: every sixteenth first.
static float sum(const float* values, std::size_t count) {
  constexpr std::size_t parts = 16;
  float each[parts] = {}, total = 0.0f;
  for (std::size_t i = 0; i < count; i += parts)
    for (std::size_t part = 0; part < parts; ++part) each[part] += std::fabs(values[i + part]);
  for (std::size_t part = 0; part < parts; ++part) total += each[part];
  return total;
}

// Which bits of each byte are set, in order, the rest 0.
struct SetBits {
  std::uint16_t bits[256][8];
};

static constexpr SetBits set_bits() {
  SetBits found{};
  for (unsigned byte = 0; byte < 256; ++byte)
    for (unsigned bit = 0, count = 0; bit < 8; ++bit)
      if (byte >> bit & 1) found.bits[byte][count++] = static_cast<std::uint16_t>(bit);
  return found;
}

static constexpr SetBits set_bits_of = set_bits();

// The inputs that are 1 for a minutia: where its cylinders have a bit. Returns how many there are; eight may be written
// for each byte, so that no step waits for how many were found.
static std::size_t inputs_of(const Model& model, const std::uint64_t* words, const std::int64_t* offsets,
                             std::size_t cylinder, std::uint16_t* inputs) {
  using Eight = std::uint16_t __attribute__((vector_size(16)));
  static_assert(bits % 8 == 0);
  std::size_t count = 0;
  for (std::size_t scale = 0; scale < model.scales; ++scale) {
    const std::uint64_t* finger = words + offsets[scale];
    const std::size_t cylinders = cylinders_of(finger[0]);
    const std::uint64_t* first = finger + 1 + minutiae_of(finger[0]) + cylinder;
    for (std::size_t word = 0; word < bit_words; ++word) {
      std::uint64_t left = first[word * cylinders];
      for (std::size_t at = 64 * word; at < bits && at < 64 * (word + 1); at += 8, left >>= 8) {
        const Eight found = load<Eight>(set_bits_of.bits[left & 0xff]) + static_cast<std::uint16_t>(scale * bits + at);
        std::memcpy(inputs + count, &found, sizeof found);
        count += static_cast<std::size_t>(std::popcount(left & 0xff));
      }
    }
  }
  return count;
}

// Of the inputs of a minutia, adds up numbers `d` to d + numbers of the rows of the embedding (`looks`, modulo 2^16) and
// words `k` to k + 16 of those of the assignment (`words`): both in one pass, since each of the latter waits for the one
// before it.
template <bool looks, bool words>
static void add_rows(const Model& model, const std::uint8_t* embedding, const std::uint16_t* inputs, std::size_t count,
                     std::size_t d, std::size_t k, std::int16_t* look, float* word) {
  constexpr std::size_t parts = numbers / (4 * lanes), word_parts = 16 / lanes;
  Pairs both[parts] = {}, high[parts] = {};
  Lanes total[word_parts];
  if constexpr (words)
    for (std::size_t part = 0; part < word_parts; ++part) total[part] = load(model.assignment_bias + k + part * lanes);
  for (std::size_t i = 0; i < count; ++i) {
    if constexpr (looks)
      for (std::size_t part = 0; part < parts; ++part) {
        // two bytes each: the sum of the higher ones tells how much of the other sum is theirs
        const Pairs pairs = load<Pairs>(embedding + inputs[i] * model.depth + d + part * 4 * lanes);
        both[part] += pairs;
        high[part] += pairs >> 8;
      }
    if constexpr (words)
      for (std::size_t part = 0; part < word_parts; ++part)
        total[part] += load(model.assignment + inputs[i] * model.vocabulary + k + part * lanes);
  }
  const auto bias = static_cast<std::uint16_t>(128 * count);
  if constexpr (looks)
    for (std::size_t part = 0; part < parts; ++part) {
      const Pairs low = both[part] - (high[part] << 8) - bias, rest = high[part] - bias;
      for (std::size_t pair = 0; pair < 2 * lanes; ++pair) {
        look[part * 4 * lanes + 2 * pair] = static_cast<std::int16_t>(low[pair]);
        look[part * 4 * lanes + 2 * pair + 1] = static_cast<std::int16_t>(rest[pair]);
      }
    }
  if constexpr (words)
    for (std::size_t part = 0; part < word_parts; ++part) store(word + part * lanes, total[part]);
}

// What a minutia looks like, and how much it belongs to each word of the vocabulary, together 1.
static void embed(const Model& model, const Room& room, const std::uint16_t* inputs, std::size_t inputs_count,
                  float* out, float* share) {
  std::int16_t look[depth_max];
  const std::size_t count = model.vocabulary;
  for (std::size_t d = 0, k = 0; d < model.depth || k < count; d += numbers, k += 16) {
    if (d >= model.depth)
      add_rows<false, true>(model, room.embedding, inputs, inputs_count, d, k, nullptr, share + k);
    else if (k >= count)
      add_rows<true, false>(model, room.embedding, inputs, inputs_count, d, k, look + d, nullptr);
    else
      add_rows<true, true>(model, room.embedding, inputs, inputs_count, d, k, look + d, share + k);
  }
  for (std::size_t d = 0; d < model.depth; ++d)
    out[d] = static_cast<float>(look[d]) * model.embedding_scale[d] + model.embedding_bias[d];
  Lanes most = load(share);
  for (std::size_t k = lanes; k < count; k += lanes) most = load(share + k) > most ? load(share + k) : most;
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

// Adds to `rows` [words_together][depth] what the minutiae are worth to so many words of the vocabulary: their shares
// times what they look like, minutia by minutia.
static void add_up(const Model& model, const float* seen, const float* shares, std::size_t cylinders, float* rows) {
  constexpr std::size_t registers = 2;
  for (std::size_t d = 0; d < model.depth; d += registers * lanes) {
    Lanes total[words_together][registers] = {};
    for (std::size_t c = 0; c < cylinders; ++c) {
      Lanes look[registers];
      for (std::size_t part = 0; part < registers; ++part) look[part] = load(seen + c * model.depth + d + part * lanes);
      for (std::size_t k = 0; k < words_together; ++k)
        for (std::size_t part = 0; part < registers; ++part)
          total[k][part] = total[k][part] + shares[c * model.vocabulary + k] * look[part];
    }
    for (std::size_t k = 0; k < words_together; ++k)
      for (std::size_t part = 0; part < registers; ++part) store(rows + k * model.depth + d + part * lanes, total[k][part]);
  }
}

// The finger as whole numbers: what its minutiae add to each word beyond its centre, signed roots, to one length.
static void pool(const Model& model, const Room& room, const std::uint64_t* words, const std::int64_t* offsets,
                 std::int16_t* out) {
  const std::size_t cylinders = cylinders_of(words[offsets[0]]);
  const std::size_t depth = model.depth, count = model.vocabulary;
  std::uint16_t inputs[scales_max * bits + 8];
  float weight[words_max] = {};
  float* sums = room.sums;
  for (std::size_t cylinder = 0; cylinder < cylinders; ++cylinder) {
    const std::size_t inputs_count = inputs_of(model, words, offsets, cylinder, inputs);
    float* share = room.shares + cylinder * count;
    embed(model, room, inputs, inputs_count, room.seen + cylinder * depth, share);
    for (std::size_t k = 0; k < count; ++k) weight[k] += share[k];
  }
  for (std::size_t k = 0; k < count; k += words_together)
    add_up(model, room.seen, room.shares + k, cylinders, sums + k * depth);
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

// Adds to `totals` [fingers][rows_together] of registers the products of `count` numbers of some fingers, which lie
// `stride` apart, with those of some rows, which follow each other: each number is read once for all of the others.
template <std::size_t fingers>
static void products(const std::int16_t* pooled, std::size_t stride, const std::int16_t* rows, std::size_t count,
                     Totals* totals) {
  Totals each[fingers][rows_together];
  for (std::size_t f = 0; f < fingers; ++f)
    for (std::size_t r = 0; r < rows_together; ++r) each[f][r] = totals[f * rows_together + r];
  for (std::size_t i = 0; i < count; i += 2 * lanes) {
    Shorts finger[fingers];
    for (std::size_t f = 0; f < fingers; ++f) finger[f] = load<Shorts>(pooled + f * stride + i);
    for (std::size_t r = 0; r < rows_together; ++r) {
      const Shorts row = load<Shorts>(rows + r * count + i);
      for (std::size_t f = 0; f < fingers; ++f) each[f][r] = add_products(each[f][r], finger[f], row);
    }
  }
  for (std::size_t f = 0; f < fingers; ++f)
    for (std::size_t r = 0; r < rows_together; ++r) totals[f * rows_together + r] = each[f][r];
}

// The projections of some pooled fingers, at most fingers_at_once: `values` [fingers][outputs].
static void project(const Model& model, const Room& room, std::size_t fingers) {
  const std::size_t inputs = model.vocabulary * model.depth;
  for (std::size_t o = 0; o < model.outputs; o += rows_at_once) {
    alignas(64) std::int16_t rows[rows_at_once][inputs_at_once];
    Totals totals[rows_at_once / rows_together][fingers_at_once * rows_together] = {};
    // what is widened stays in the first-level cache while all fingers pass over it
    for (std::size_t from = 0; from < inputs; from += inputs_at_once) {
      for (std::size_t r = 0; r < rows_at_once; ++r) {
        std::int16_t* __restrict to = rows[r];
        const std::int8_t* __restrict narrow = model.projection + (o + r) * inputs + from;
        // the next ones of each row are asked for meanwhile: eight rows far apart are more than the machine foresees
        for (std::size_t i = 0; i < inputs_at_once; i += 64) __builtin_prefetch(narrow + inputs_at_once + i);
        for (std::size_t i = 0; i < inputs_at_once; ++i) to[i] = narrow[i];
      }
      for (std::size_t f = 0; f < fingers; f += fingers_together)
        for (std::size_t r = 0; r < rows_at_once; r += rows_together) {
          const std::int16_t *finger = room.pooled + f * inputs + from, *row = rows[r];
          Totals* to = totals[r / rows_together] + f * rows_together;
          switch (fingers - f) {
            case 1: products<1>(finger, inputs, row, inputs_at_once, to); break;
            case 2: products<2>(finger, inputs, row, inputs_at_once, to); break;
            default: products<fingers_together>(finger, inputs, row, inputs_at_once, to);
          }
        }
    }
    for (std::size_t f = 0; f < fingers; ++f)
      for (std::size_t r = 0; r < rows_at_once; ++r) {
        const Totals& each = totals[r / rows_together][f * rows_together + r % rows_together];
        std::int32_t whole = 0;
        for (std::size_t lane = 0; lane < lanes; ++lane) whole += each[lane];
        room.values[f * model.outputs + o + r] =
            static_cast<float>(whole) * model.projection_scale[o + r] + model.projection_bias[o + r];
      }
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
  std::uint8_t* __restrict raised = room.embedding;
  const std::int8_t* __restrict embedding = model.embedding;
  const std::size_t entries = fingers ? model.scales * bits * model.depth : 0;
  for (std::size_t i = 0; i < entries; ++i) raised[i] = static_cast<std::uint8_t>(embedding[i] ^ 0x80);
  for (std::size_t start = 0; start < fingers; start += fingers_at_once) {
    const std::size_t count = fingers - start < fingers_at_once ? fingers - start : fingers_at_once;
    for (std::size_t f = 0; f < count; ++f)
      pool(model, room, words, offsets + (start + f) * model.scales, room.pooled + f * inputs);
    project(model, room, count);
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
