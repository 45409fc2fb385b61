// Knots, levellings and first words at random; this family has one level.
// usage: calibrating SEED ROUNDS >results
#include "calibrating/calibrating.hpp"

#include <cmath>

#include "hostile.hpp"

namespace c = cccd::calibrating;

int main(int, char** arguments) {
  hostile::Random random{std::strtoull(arguments[1], nullptr, 10)};
  const int rounds = std::atoi(arguments[2]);
  for (int round = 0; round < rounds; ++round) {
    const bool guarded = round % 2;
    std::vector<double> raw(2 + random.below(20)), score(raw.size());
    double x = 0.0, y = 0.0;
    for (std::size_t k = 0; k < raw.size(); ++k) {
      raw[k] = x;
      score[k] = y;
      x += 0.001 * static_cast<double>(1 + random.below(5000));
      y += 0.001 * static_cast<double>(1 + random.below(9000));
    }
    std::vector<double> chance(c::chance_count), numbers(c::numbers_count);
    for (double& number : chance) number = 0.01 * static_cast<double>(random.below(2000)) - 10.0;
    const double from = 0.1 * static_cast<double>(random.below(100)), level = from + 0.5;
    numbers[c::base] = level - 0.1 * static_cast<double>(random.below(50));
    numbers[c::least] = from + 0.25;
    numbers[c::level] = level;
    numbers[c::raised_from] = numbers[c::lowered_from] = from;
    numbers[c::most_per_minutia] = 7.0;
    std::vector<std::uint64_t> words(1 + random.below(300));
    for (auto& word : words) word = random();
    std::vector<std::int64_t> offsets(random.below(50));
    for (auto& offset : offsets) offset = static_cast<std::int64_t>(random.below(words.size()));
    std::vector<float> scores(offsets.size());
    for (float& each : scores)  // also at a knot, beyond the last one, and at what no kernel gives
      each = random.one_in(9)   ? static_cast<float>(raw[random.below(raw.size())])
             : random.one_in(9) ? 3e38f
             : random.one_in(9) ? -INFINITY
                                : 0.01f * static_cast<float>(random.below(9000));
    hostile::Exact<double> raws(raw, guarded), mapped(score, guarded), chances(chance, guarded), all(numbers, guarded);
    hostile::Exact<std::uint64_t> gallery(words, guarded);
    hostile::Exact<std::int64_t> places(offsets, guarded);
    hostile::Exact<float> out(scores, guarded);
    const c::Map map{raws.data(), mapped.data(), raw.size(), random.one_in(4) ? nullptr : chances.data(), all.data()};
    c::scores(map, random(), gallery.data(), places.data(), offsets.size(), out.data());
    for (std::size_t k = 0; k < offsets.size(); ++k)
      if (!(out.data()[k] >= 0.0f && std::isfinite(out.data()[k]))) hostile::stop("a score", out.data()[k]);
    out.write(stdout);
  }
}
