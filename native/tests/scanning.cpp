// Codes at random, of odd widths and counts.
// usage: scanning SEED ROUNDS >results
#include "scanning/scanning.hpp"

#include "hostile.hpp"

namespace n = cccd::scanning;

// A few groups, some of whose slots are nobody's, by a few probes in one laying or three.
template <typename Bytes>
void sift(hostile::Random& random, bool guarded, const Bytes& bytes) {
  const std::size_t groups = random.one_in(4) ? n::groups_at_once + random.below(3) : random.below(5);
  const std::size_t probes = random.below(12), classes = 1 + random.below(3), rows = 1 + random.below(30);
  const std::size_t layings = random.one_in(2) ? 3 : 1;
  const std::size_t steps_width = n::width_step * (1 + random.below(20));
  std::vector<std::int32_t> places(groups * n::group_people);
  for (auto& place : places) place = random.one_in(5) ? -1 : static_cast<std::int32_t>(random.below(rows));
  std::vector<std::uint16_t> kinds(groups);
  for (auto& kind : kinds) kind = static_cast<std::uint16_t>(random.below(classes));
  auto limits = [&](int around, int reach) {
    std::vector<std::int32_t> made(layings * probes * classes);
    for (auto& limit : made)
      limit = random.one_in(4)   ? INT32_MIN
              : random.one_in(9) ? INT32_MAX
                                 : around - reach + static_cast<std::int32_t>(random.below(2 * static_cast<unsigned>(reach)));
    return made;
  };
  std::vector<std::int8_t> numbers(probes * 2 * n::sketch_width);
  for (auto& number : numbers) number = static_cast<std::int8_t>(random());
  hostile::Exact<std::uint8_t> sketches(bytes(groups * n::sketch_width * n::group_people), guarded);
  hostile::Exact<std::int8_t> asked(numbers, guarded);
  hostile::Exact<std::int32_t> slots(places, guarded);
  hostile::Exact<std::uint16_t> of(kinds, guarded);
  hostile::Exact<std::uint8_t> steps(bytes(rows * steps_width), guarded);
  hostile::Exact<std::uint8_t> step_probes(bytes(layings * probes * 2 * steps_width), guarded);
  hostile::Exact<std::int32_t> first(limits(0, 9000), guarded);
  hostile::Exact<std::int32_t> second(limits(0, 300 * static_cast<int>(steps_width)), guarded);
  const n::Crowd crowd{sketches.data(), slots.data(), of.data(), groups, steps.data(), steps_width};
  const n::Sieves by{asked.data(), step_probes.data(), first.data(), second.data(), layings, probes, classes};
  const std::size_t capacity = random.below(groups * probes * layings * n::group_people + 2);
  hostile::Exact<n::Left> left(std::vector<n::Left>(capacity), guarded);
  const std::size_t found = n::CCCD_TESTED::sift(by, crowd, left.data(), capacity);
  std::fwrite(&found, sizeof found, 1, stdout);
  left.write(stdout);
}

int main(int, char** arguments) {
  hostile::Random random{std::strtoull(arguments[1], nullptr, 10)};
  const int rounds = std::atoi(arguments[2]);
  for (int round = 0; round < rounds; ++round) {
    const bool guarded = round % 2;
    const std::size_t width = n::width_step * (random.one_in(20) ? n::width_max / n::width_step : 1 + random.below(130));
    const std::size_t probes = random.below(5), over = random.below(3);
    const std::size_t rows = random.one_in(3) ? std::min<std::size_t>(n::block_rows(width), 99) + over : random.below(40);
    const auto kind = random.below(3);
    auto bytes = [&](std::size_t count) {
      std::vector<std::uint8_t> made(count);
      for (auto& byte : made)
        byte = static_cast<std::uint8_t>(kind == 0 ? random() : kind == 1 ? 255 * random.below(2) : 0x80);
      return made;
    };
    hostile::Exact<std::uint8_t> wanted(bytes(probes * 2 * width), guarded), codes(bytes(rows * width), guarded);
    std::vector<std::uint16_t> words(rows);
    for (auto& word : words) word = static_cast<std::uint16_t>(random());
    std::vector<std::int32_t> limits(probes * n::presences);
    const int most = static_cast<int>(8 * width);
    for (auto& limit : limits)
      limit = random.one_in(3) ? INT32_MIN : static_cast<std::int32_t>(random.below(2 * static_cast<unsigned>(most))) - most;
    hostile::Exact<std::uint16_t> present(words, guarded);
    hostile::Exact<std::int32_t> floors(limits, guarded);
    const std::size_t capacity = random.below(probes * rows + 2);
    const n::Probes asked{wanted.data(), probes, floors.data()};
    const n::Rows kept{codes.data(), present.data(), rows, width};
    for (const auto scan : {n::CCCD_TESTED::signs, n::CCCD_TESTED::steps}) {
      hostile::Exact<n::Hit> hits(std::vector<n::Hit>(capacity), guarded);
      const std::size_t found = scan(asked, kept, hits.data(), capacity);
      std::fwrite(&found, sizeof found, 1, stdout);
      hits.write(stdout);
    }
    for (const auto sum : {n::CCCD_TESTED::sign_moments, n::CCCD_TESTED::step_moments}) {
      hostile::Exact<std::int64_t> sums(std::vector<std::int64_t>(2 * probes), guarded);
      sum(wanted.data(), probes, codes.data(), rows, width, sums.data());
      sums.write(stdout);
    }
    sift(random, guarded, bytes);
  }
}
