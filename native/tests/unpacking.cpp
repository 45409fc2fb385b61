// Runs that are sound, cut, grown or altered; what is found in them is unpacked. This family has one level.
// usage: unpacking SEED ROUNDS >results
#include "unpacking/unpacking.hpp"

#include "hostile.hpp"

namespace u = cccd::unpacking;

static std::vector<std::uint8_t> run(hostile::Random& random) {
  std::vector<std::uint8_t> bytes(1, static_cast<std::uint8_t>(random.below(u::fingers_most + 1)));
  const int fingers = bytes[0];
  for (int finger = 0; finger < fingers; ++finger) bytes.push_back(static_cast<std::uint8_t>(random.below(11)));
  for (int finger = 0; finger < fingers; ++finger) {
    const std::size_t n = random.below(u::minutiae_most + 1), c = random.below(std::min<std::size_t>(n, 64) + 1);
    bytes.insert(bytes.end(), {static_cast<std::uint8_t>(n), static_cast<std::uint8_t>(c), 0});
    for (std::size_t i = 3; i < 8 * (1 + n); ++i) bytes.push_back(static_cast<std::uint8_t>(random()));
    std::size_t set = 0;
    for (std::size_t i = 0; i < u::mask_bytes * c; ++i) {
      const std::uint8_t byte = static_cast<std::uint8_t>(random() & random() & (i % 5 == 4 ? 0x7f : 0xff));
      for (std::uint8_t left = byte; left; left &= left - 1) ++set;
      bytes.push_back(byte);
    }
    for (std::size_t i = 0; i < set; ++i) bytes.push_back(static_cast<std::uint8_t>(random()));
  }
  return bytes;
}

int main(int, char** arguments) {
  hostile::Random random{std::strtoull(arguments[1], nullptr, 10)};
  const int rounds = std::atoi(arguments[2]);
  for (int round = 0; round < rounds; ++round) {
    const bool guarded = round % 2;
    std::vector<std::uint8_t> all;
    std::vector<std::int64_t> starts, stops;
    for (std::uint64_t left = 1 + random.below(3); left; --left) {
      std::vector<std::uint8_t> one = run(random);
      if (random.one_in(3)) one.resize(random.below(one.size() + 1));
      if (random.one_in(6)) one.push_back(0);
      for (std::uint64_t wrong = random.one_in(2) ? random.below(4) : 0; wrong && !one.empty(); --wrong)
        one[random.below(std::min<std::size_t>(one.size(), random.one_in(2) ? 20 : one.size()))] =
            static_cast<std::uint8_t>(random());
      starts.push_back(static_cast<std::int64_t>(all.size()));
      all.insert(all.end(), one.begin(), one.end());
      stops.push_back(static_cast<std::int64_t>(all.size()));
    }
    hostile::Exact<std::uint8_t> data(all, guarded);
    hostile::Exact<std::int64_t> from(starts, guarded), to(stops, guarded);
    hostile::Exact<u::Finger> fingers(std::vector<u::Finger>(10 * starts.size()), guarded);
    const std::int64_t found = u::find(data.data(), from.data(), to.data(), starts.size(), fingers.data());
    std::fwrite(&found, sizeof found, 1, stdout);
    std::fwrite(&round, sizeof round, 1, stdout);
    for (std::int64_t i = 0; i < found; ++i) {
      const u::Finger one = fingers.data()[i];
      const std::size_t at = static_cast<std::size_t>(one.at);
      if (!u::whole(data.data() + at, all.size() - at, one.minutiae, one.cylinders)) hostile::stop("a finger", 0);
      hostile::Exact<std::uint64_t> words(
          std::vector<std::uint64_t>(static_cast<std::size_t>(1 + one.minutiae + u::code_words * one.cylinders)),
          guarded);
      u::unpack(data.data() + at, one.minutiae, one.cylinders, words.data());
      words.write(stdout);
    }
  }
}
