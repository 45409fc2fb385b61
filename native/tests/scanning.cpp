// Codes at random, of odd widths and counts.
// usage: scanning SEED ROUNDS >results
#include "scanning/scanning.hpp"

#include "hostile.hpp"

int main(int, char** arguments) {
  namespace n = cccd::scanning;
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
  }
}
