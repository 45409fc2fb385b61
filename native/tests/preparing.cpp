// Minutiae at random, and numbers that no set of parameters has.
// usage: preparing TABLES SEED ROUNDS >results
// TABLES: float64: radius, threshold, crowd reach, 256 x 8 of angular, 256 cosines, 256 sines, then spatial.
#include "preparing/preparing.hpp"

#include <algorithm>
#include <cmath>

#include "hostile.hpp"

namespace p = cccd::preparing;

static double odd_number(hostile::Random& random) {
  switch (random.below(8)) {
    case 0: return NAN;
    case 1: return INFINITY;
    case 2: return -INFINITY;
    case 3: return 0.0;
    case 4: return 1e300;
    case 5: return -static_cast<double>(random.below(1000));
    case 6: return 1e-300;
    default: return static_cast<double>(random.below(100000)) * 0.01;
  }
}

template <typename T>
static std::vector<T> column(hostile::Random& random, std::size_t count, std::uint64_t first, std::uint64_t range) {
  std::vector<T> values(count);
  for (T& value : values) value = static_cast<T>(first + random.below(range));
  return values;
}

int main(int, char** arguments) {
  const std::vector<double> numbers = hostile::read<double>(arguments[1]);
  hostile::Random random{std::strtoull(arguments[2], nullptr, 10)};
  const int rounds = std::atoi(arguments[3]);
  constexpr int turned = p::steps * p::lanes;
  for (int round = 0; round < rounds; ++round) {
    const bool guarded = round % 2, sane = !random.one_in(3);
    std::vector<double> table = numbers;
    if (!sane) {
      table.resize(static_cast<std::size_t>(3 + turned + 2 * p::steps) + 2 + random.below(700));
      for (double& number : table)
        if (random.one_in(4)) number = odd_number(random);
    }
    const auto angular_at = table.begin() + 3, cosines_at = angular_at + turned, sines_at = cosines_at + p::steps;
    hostile::Exact<double> angular({angular_at, cosines_at}, guarded), cosines({cosines_at, sines_at}, guarded);
    hostile::Exact<double> sines({sines_at, sines_at + p::steps}, guarded);
    hostile::Exact<double> spatial({sines_at + p::steps, table.end()}, guarded);
    const int reach2 = static_cast<int>(table.end() - sines_at) - p::steps - 2;

    const std::size_t count = random.one_in(8) ? 256 + random.below(400) : random.below(256);
    const auto range = random.one_in(6) ? 1 : random.one_in(3) ? 65536 : 20 + random.below(500);
    hostile::Exact<std::uint16_t> x(column<std::uint16_t>(random, count, 0, range), guarded);
    hostile::Exact<std::uint16_t> y(column<std::uint16_t>(random, count, 65536 - range, range), guarded);
    hostile::Exact<std::uint16_t> angle(column<std::uint16_t>(random, count, 0, 65536), guarded);
    hostile::Exact<std::uint8_t> kind(column<std::uint8_t>(random, count, 0, 256), guarded);
    hostile::Exact<std::uint8_t> quality(column<std::uint8_t>(random, count, 0, 256), guarded);
    const int kept_most = static_cast<int>(std::min<std::size_t>(count, p::minutiae_max));
    const int kept = random.one_in(2) ? kept_most : static_cast<int>(random.below(kept_most + 1));
    const int cylinders = static_cast<int>(random.below(std::min(kept, p::cylinders_max) + 1));
    const std::size_t ordered = std::min<std::size_t>(count, p::neighbours_max);
    const std::size_t scales = 1 + random.below(p::scales_max);
    const std::size_t length = scales * static_cast<std::size_t>(1 + kept + p::code_words * cylinders);
    hostile::Exact<std::int64_t> order(std::vector<std::int64_t>(ordered), guarded);
    hostile::Exact<std::uint64_t> words(std::vector<std::uint64_t>(length, ~0ull), guarded);
    const double scale_x = sane ? 1.0 : odd_number(random), scale_y = sane ? 1.27 : odd_number(random);
    const p::Minutiae minutiae{count, x.data(), y.data(), angle.data(), kind.data(), quality.data(), scale_x, scale_y};
    hostile::Exact<p::Tables> tables(std::vector<p::Tables>(scales), guarded);
    for (std::size_t scale = 0; scale < scales; ++scale)  // of one table, but for its radius and how far it reaches
      tables.data()[scale] = {table[0] + 10.0 * static_cast<double>(scale), table[1],       table[2],
                              spatial.data(),                               reach2 >> scale, angular.data(),
                              cosines.data(),                               sines.data()};
    p::CCCD_TESTED::finger(minutiae, tables.data(), scales, kept, cylinders, order.data(), words.data());
    order.write(stdout);
    words.write(stdout);
  }
}
