// Images and weights of random numbers, as large as a sum of 32 bits allows, through each layer.
// usage: extraction SEED ROUNDS >results
#include "extraction/extraction.hpp"

#include "hostile.hpp"

namespace {

namespace e = cccd::extraction;

std::vector<float> numbers(hostile::Random& random, std::size_t count, float most) {
  std::vector<float> values(count);
  const bool nothing = random.one_in(16);
  for (auto& value : values)
    value = nothing ? 0 : (static_cast<float>(static_cast<double>(random() >> 11) / 9007199254740992.0) * 2 - 1) * most;
  return values;
}

std::vector<std::int16_t> whole(hostile::Random& random, std::size_t count, int most) {
  std::vector<std::int16_t> values(count);
  const bool extreme = random.one_in(4);
  for (auto& value : values) {
    const int part = static_cast<int>(random.below(static_cast<std::uint64_t>(2 * most + 1))) - most;
    value = static_cast<std::int16_t>(extreme ? (part < 0 ? -most : most) : part);
  }
  return values;
}

struct Product {
  hostile::Exact<std::int16_t> weights;
  hostile::Exact<float> scale, bias;
  e::Product of;
  Product(hostile::Random& random, std::size_t inputs, std::size_t outputs, bool guarded)
      : weights(whole(random, inputs * outputs, 261000 / static_cast<int>(inputs)), guarded),
        scale(numbers(random, outputs, 1e-6f), guarded),
        bias(numbers(random, outputs, 3), guarded),
        of{weights.data(), scale.data(), bias.data(), inputs, outputs} {}
};

// The row that the last pair lacks has no weight.
std::vector<std::int16_t> windows(hostile::Random& random, std::size_t size, std::size_t channels) {
  std::vector<std::int16_t> values = whole(random, (size + 1) * size * channels, 261000 / static_cast<int>(size * size));
  for (std::size_t i = (size - 1) * size * channels + 1; i < values.size(); i += 2) values[i] = 0;
  return values;
}

struct Window {
  hostile::Exact<std::int16_t> weights;
  hostile::Exact<float> scale;
  e::Depthwise of;
  Window(hostile::Random& random, std::size_t size, std::size_t channels, bool guarded)
      : weights(windows(random, size, channels), guarded),
        scale(numbers(random, channels, 1e-5f), guarded),
        of{weights.data(), scale.data(), size, channels} {}
};

struct Norm {
  hostile::Exact<float> gamma, beta, real;
  e::Norm of;
  Norm(hostile::Random& random, std::size_t channels, float most, bool guarded)
      : gamma(numbers(random, channels, most), guarded),
        beta(numbers(random, channels, most), guarded),
        real(std::vector<float>(channels, 1.0f), guarded),
        of{gamma.data(), beta.data(), real.data(), static_cast<float>(channels)} {}
};

}  // namespace

int main(int, char** arguments) {
  hostile::Random random{std::strtoull(arguments[1], nullptr, 10)};
  const int rounds = std::atoi(arguments[2]);
  for (int round = 0; round < rounds; ++round) {
    const bool guarded = round % 2;
    const std::size_t height = 1 + random.below(3), width = 1 + random.below(30);
    const std::size_t channels = 16 * (1 + random.below(3)), outputs = 16 * (1 + random.below(3));
    const std::size_t size = random.one_in(2) ? 5 : 7;
    auto image = [&](std::size_t h, std::size_t w, std::size_t c, int most) { return whole(random, h * w * c, most); };
    {
      hostile::Exact<std::int16_t> pixels(image(2 * height + 8, 2 * width + 8, 1, 255), guarded);
      hostile::Exact<std::int16_t> out(std::vector<std::int16_t>(height * width * outputs), guarded);
      const Product product(random, e::stem_inputs, outputs, guarded);
      const Norm norm(random, outputs, 2, guarded);
      e::CCCD_TESTED::stem({pixels.data(), 2 * height, 2 * width, 1}, product.of, norm.of, random.one_in(2), 2048,
                           out.data());
      out.write(stdout);
    }
    hostile::Exact<std::int16_t> pixels(image(height + size - 1, width + size - 1, channels, e::most), guarded);
    hostile::Exact<std::int16_t> out(std::vector<std::int16_t>(height * width * outputs), guarded);
    const e::Image from{pixels.data(), height, width, channels};
    const Window window(random, size, channels, guarded);
    {
      const Product product(random, channels, outputs, guarded);
      const Norm norm(random, outputs, 2, guarded);
      e::CCCD_TESTED::separable(from, window.of, product.of, norm.of, 2048, out.data());
      out.write(stdout);
    }
    {
      const std::size_t wide = 16 * (1 + random.below(9));
      const Norm norm(random, channels, 4096, guarded);
      const Product expand(random, channels, wide, guarded), reduce(random, wide, outputs, guarded);
      const Product adjust(random, channels, outputs, guarded);
      e::CCCD_TESTED::bottleneck(from, window.of, norm.of, expand.of, reduce.of, adjust.of, 2048, 2048, out.data());
      out.write(stdout);
    }
    {
      constexpr std::size_t around = 2 * e::gate_reach, all = e::gate_channels;
      hostile::Exact<std::int16_t> seen(image(height + around, width + around, all, e::most), guarded);
      hostile::Exact<std::int16_t> opened(std::vector<std::int16_t>(height * width * all), guarded);
      const Product first(random, e::gate_taps * all, e::lanes, guarded);
      const Product second(random, e::gate_taps * all, e::lanes, guarded);
      const Product third(random, e::gate_taps * all, e::lanes, guarded);
      const Product weigh(random, e::gates * e::lanes, all, guarded);
      const e::Product each[e::gates] = {first.of, second.of, third.of};
      e::CCCD_TESTED::gate({seen.data(), height, width, all}, each, weigh.of, 2048, opened.data());
      opened.write(stdout);
    }
  }
}
