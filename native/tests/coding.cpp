// Models of random numbers and fingers of random bits: with no cylinders, with all of them, with every bit set.
// usage: coding SEED ROUNDS >results
#include "coding/coding.hpp"

#include "hostile.hpp"

namespace {

std::vector<float> numbers(hostile::Random& random, std::size_t count, float most) {
  std::vector<float> values(count);
  const bool extreme = random.one_in(8), nothing = random.one_in(16);
  for (auto& value : values) {
    const float part = static_cast<float>(static_cast<double>(random() >> 11) / 9007199254740992.0) * 2 - 1;
    value = nothing ? 0 : extreme ? (part < 0 ? -1e4f : 1e4f) : part * most;
  }
  return values;
}

}  // namespace

int main(int, char** arguments) {
  namespace c = cccd::coding;
  hostile::Random random{std::strtoull(arguments[1], nullptr, 10)};
  const int rounds = std::atoi(arguments[2]);
  for (int round = 0; round < rounds; ++round) {
    const bool guarded = round % 2;
    const std::size_t scales = 1 + random.below(3), depth = 128 * (1 + random.below(2));
    const std::size_t vocabulary = 16 * (1 + random.below(3)), outputs = 64 * (1 + random.below(2));
    const std::size_t coarse = random.one_in(2) ? outputs : 64, fingers = random.below(20), pooled = vocabulary * depth;
    auto small_numbers = [&](std::size_t count) {
      std::vector<std::int8_t> made(count);
      for (auto& number : made) number = static_cast<std::int8_t>(random());
      return made;
    };
    hostile::Exact<std::int8_t> embedding(small_numbers(scales * c::bits * depth), guarded);
    hostile::Exact<float> embedding_scale(numbers(random, depth, 0.01f), guarded);
    hostile::Exact<float> embedding_bias(numbers(random, depth, 1), guarded);
    hostile::Exact<float> assignment(numbers(random, scales * c::bits * vocabulary, 1), guarded);
    hostile::Exact<float> assignment_bias(numbers(random, vocabulary, 1), guarded);
    hostile::Exact<float> centres(numbers(random, pooled, 3), guarded);
    hostile::Exact<float> projection_scale(numbers(random, outputs, 1e-3f), guarded);
    hostile::Exact<float> projection_bias(numbers(random, outputs, 1), guarded);
    hostile::Exact<std::int8_t> projection(small_numbers(outputs * pooled), guarded);
    std::vector<std::uint64_t> words;
    std::vector<std::int64_t> offsets{0};
    for (std::size_t finger = 0; finger < fingers; ++finger) {
      const std::uint64_t cylinders = random.one_in(4) ? 0 : random.one_in(4) ? 64 : random.below(65);
      const auto kind = random.below(4);
      for (std::size_t scale = 0; scale < scales; ++scale) {
        const std::uint64_t minutiae = cylinders + random.below(121 - cylinders);
        words.push_back(minutiae | cylinders << 8 | random() << 24);
        for (std::uint64_t i = 0; i < minutiae; ++i) words.push_back(random());
        for (std::uint64_t i = 0; i < c::bit_words * cylinders; ++i)
          words.push_back(kind == 0 ? ~0ull : kind == 1 ? 0 : random() & random() & random());
        offsets.push_back(static_cast<std::int64_t>(words.size()));
      }
    }
    hostile::Exact<std::uint64_t> finger_words(words, guarded);
    hostile::Exact<std::int64_t> places(offsets, guarded);
    hostile::Exact<std::uint8_t> looks(std::vector<std::uint8_t>(scales * c::bits * depth), guarded);
    hostile::Exact<float> seen(std::vector<float>(c::cylinders_max * depth), guarded);
    hostile::Exact<float> shares(std::vector<float>(c::cylinders_max * vocabulary), guarded);
    hostile::Exact<float> sums(std::vector<float>(pooled), guarded);
    hostile::Exact<float> values(std::vector<float>(c::fingers_at_once * outputs), guarded);
    hostile::Exact<std::int16_t> whole(std::vector<std::int16_t>(c::fingers_at_once * pooled), guarded);
    hostile::Exact<std::uint8_t> signs(std::vector<std::uint8_t>(fingers * outputs / 8), guarded);
    hostile::Exact<std::uint8_t> small(std::vector<std::uint8_t>(fingers * coarse / 2), guarded);
    const c::Model model{scales, depth, vocabulary, outputs, coarse, embedding.data(), embedding_scale.data(), embedding_bias.data(),
                         assignment.data(), assignment_bias.data(), centres.data(), projection.data(),
                         projection_scale.data(), projection_bias.data(), 60.0f};
    const c::Room room{looks.data(), seen.data(), shares.data(), sums.data(), values.data(), whole.data()};
    c::CCCD_TESTED::codes(model, room, finger_words.data(), places.data(), fingers, signs.data(), small.data());
    signs.write(stdout);
    small.write(stdout);
  }
}
