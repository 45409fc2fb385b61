// Fingers that no preparation would make, but that `is_finger` lets through.
// usage: matching TABLES SEED ROUNDS >results
// TABLES: float32, in the order of matching::Tables. Results: the scores and, in every other round, the features.
#include "matching/matching.hpp"

#include <algorithm>
#include <cmath>

#include "hostile.hpp"

namespace m = cccd::matching;
using u64 = std::uint64_t;

static std::vector<u64> finger(hostile::Random& random) {
  const u64 n = random.one_in(4) ? random.below(5) : random.below(m::minutiae_max + 1);
  const u64 most = std::min<u64>(n, m::cylinders_max);
  const u64 cylinders = random.one_in(3) ? random.below(most + 1) : most;
  std::vector<u64> words(1 + n + m::code_words * cylinders);
  const u64 corners = random.below(n + 1);
  words[0] = n | cylinders << 8 | corners << 16 | random() << 24;
  const auto lie = random.below(5);
  auto place = [&]() -> u64 {
    switch (lie) {
      case 0: return random.below(65536);       // anywhere, in no order
      case 1: return 32768;                     // all in one point
      case 2: return 32568 + random.below(400);
      case 3: return 32768 + random.below(20);  // more within reach than are looked at
      default: return 65535 * random.below(2);  // in the corners
    }
  };
  for (u64 k = 1; k <= n; ++k) {
    const u64 x = place(), y = place();
    words[k] = x | y << 16 | (random() & ~0xffffffffull);
  }
  const auto codes = random.below(4);
  for (std::size_t k = 1 + n; k < words.size(); ++k)
    words[k] = codes == 0 ? random() : codes == 1 ? random() & random() : codes == 2 ? ~0ull : 0;
  return words;
}

int main(int, char** arguments) {
  std::vector<float> numbers = hostile::read<float>(arguments[1]);
  hostile::Exact<float> settings({numbers.begin(), numbers.begin() + m::settings_count}, false);
  const auto weights_at = numbers.begin() + m::settings_count, turns_at = weights_at + m::weights_count;
  hostile::Exact<float> weights({weights_at, turns_at}, false), cosines({turns_at, turns_at + 256}, false);
  hostile::Exact<float> sines({turns_at + 256, turns_at + 512}, false);
  hostile::Exact<float> logarithms({turns_at + 512, turns_at + 768}, false);
  const m::Tables tables{settings.data(), weights.data(), cosines.data(), sines.data(), logarithms.data()};
  hostile::Random random{std::strtoull(arguments[2], nullptr, 10)};
  const int rounds = std::atoi(arguments[3]);
  for (int round = 0; round < rounds; ++round) {
    const bool guarded = random.one_in(2);
    const std::vector<u64> one = finger(random);
    std::vector<u64> words;
    std::vector<std::int64_t> offsets{0};
    const std::size_t fingers = 1 + random.below(4), start = random.below(fingers);
    for (std::size_t k = 0; k < fingers; ++k) {
      const std::vector<u64> other = random.one_in(4) ? one : finger(random);
      if (!m::is_finger(other.data(), other.size())) hostile::stop("a finger", static_cast<double>(other[0]));
      words.insert(words.end(), other.begin(), other.end());
      offsets.push_back(static_cast<std::int64_t>(words.size()));
    }
    hostile::Exact<u64> probe(one, guarded), gallery(words, guarded);
    hostile::Exact<std::int64_t> ends(offsets, guarded);
    hostile::Exact<float> out(std::vector<float>(fingers - start), guarded);
    const std::size_t numbers_wanted = round % 2 ? (fingers - start) * m::features_count : 0;
    hostile::Exact<float> features(std::vector<float>(numbers_wanted), guarded);
    m::CCCD_TESTED::scores(tables, probe.data(), gallery.data(), ends.data(), start, fingers, out.data(),
                           round % 2 ? features.data() : nullptr);
    for (std::size_t k = 0; k < fingers - start; ++k)
      if (!(out.data()[k] >= 0.0f && std::isfinite(out.data()[k]))) hostile::stop("a score", out.data()[k]);
    for (std::size_t k = 0; k < numbers_wanted; ++k)
      if (!std::isfinite(features.data()[k])) hostile::stop("a feature", features.data()[k]);
    std::vector<std::int64_t> numbered;
    for (std::size_t k = start; k < fingers; ++k) numbered.insert(numbered.end(), {0, static_cast<std::int64_t>(k)});
    hostile::Exact<std::int64_t> pairs(numbered, guarded), alone({0, static_cast<std::int64_t>(one.size())}, guarded);
    hostile::Exact<float> in_pairs(std::vector<float>(fingers - start), guarded);
    m::CCCD_TESTED::pair_scores(tables, {probe.data(), alone.data()}, {gallery.data(), ends.data()}, pairs.data(),
                                fingers - start, in_pairs.data());
    for (std::size_t k = 0; k < fingers - start && round % 2 == 0; ++k)
      if (in_pairs.data()[k] != out.data()[k]) hostile::stop("a pair's score", in_pairs.data()[k]);
    hostile::Exact<float> seen(std::vector<float>(m::features_count), guarded), placing(std::vector<float>(4), guarded);
    hostile::Exact<float> similarities(std::vector<float>(m::points_max), guarded);
    hostile::Exact<std::int64_t> paired(std::vector<std::int64_t>(2 * m::points_max), guarded);
    hostile::Exact<std::uint8_t> inside(std::vector<std::uint8_t>(2 * m::points_max), guarded);
    const u64* other = gallery.data() + offsets[start];
    const int count = m::CCCD_TESTED::explain(
        tables, probe.data(), other,
        {seen.data(), paired.data(), similarities.data(), placing.data(), inside.data()});
    for (int k = 0; k < count; ++k) {
      const std::int64_t i = paired.data()[k], j = paired.data()[m::points_max + k];
      if (i < 0 || i >= static_cast<std::int64_t>(one[0] & 0xff) || j < 0 || j >= static_cast<std::int64_t>(other[0] & 0xff))
        hostile::stop("a paired minutia", static_cast<double>(i));
    }
    for (int k = 0; k < m::features_count && round % 2; ++k)
      if (seen.data()[k] != features.data()[k]) hostile::stop("an explained feature", seen.data()[k]);
    paired.write(stdout);
    similarities.write(stdout);
    placing.write(stdout);
    inside.write(stdout);
    out.write(stdout);
    features.write(stdout);
  }
}
