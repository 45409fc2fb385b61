// Codes at random, of odd counts.
// usage: hamming SEED ROUNDS >results
#include "hamming/hamming.hpp"

#include "hostile.hpp"

int main(int, char** arguments) {
  namespace h = cccd::hamming;
  hostile::Random random{std::strtoull(arguments[1], nullptr, 10)};
  const int rounds = std::atoi(arguments[2]);
  for (int round = 0; round < rounds; ++round) {
    const bool guarded = round % 2;
    const std::size_t probes = random.below(6);
    const std::size_t over = random.below(3);
    const std::size_t rows = random.one_in(3) ? h::block_rows * random.below(3) + over : random.below(600);
    std::vector<std::uint64_t> codes((probes + rows) * h::words);
    const auto kind = random.below(3);
    for (auto& word : codes)
      word = kind == 0 ? random() : kind == 1 ? ~0ull * random.below(2) : random() & random() & random();
    const auto middle = codes.begin() + static_cast<std::ptrdiff_t>(probes * h::words);
    hostile::Exact<std::uint64_t> probe({codes.begin(), middle}, guarded), gallery({middle, codes.end()}, guarded);
    hostile::Exact<std::uint16_t> distances(std::vector<std::uint16_t>(probes * rows), guarded);
    h::CCCD_TESTED::distances(probe.data(), probes, gallery.data(), rows, distances.data());
    distances.write(stdout);
    const std::size_t capacity = random.below(probes * rows + 2);
    const auto limit = static_cast<std::uint32_t>(random.one_in(4) ? random() : random.below(514));
    hostile::Exact<h::Hit> hits(std::vector<h::Hit>(capacity), guarded);
    const std::size_t found =
        h::CCCD_TESTED::within(probe.data(), probes, gallery.data(), rows, limit, hits.data(), capacity);
    std::fwrite(&found, sizeof found, 1, stdout);
    hits.write(stdout);
  }
}
