// The Python door of the native kernels: checks shapes, drops the GIL, calls the level that was asked for.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <stdexcept>

#include "calibrating/calibrating.hpp"
#include "coding/coding.hpp"
#include "dispatch.hpp"
#include "extraction/extraction.hpp"
#include "matching/matching.hpp"
#include "preparing/preparing.hpp"
#include "scanning/scanning.hpp"
#include "unpacking/unpacking.hpp"

namespace nb = nanobind;
using cccd::Level;

template <typename T, int N>
using In = nb::ndarray<const T, nb::ndim<N>, nb::c_contig, nb::device::cpu>;
template <typename T, int N>
using Out = nb::ndarray<T, nb::ndim<N>, nb::c_contig, nb::device::cpu>;

namespace {

#ifdef CCCD_X86
#define CCCD_PICK(family, function, level)                                   \
  (level == Level::avx512 ? cccd::family::avx512::function                   \
                          : level == Level::avx2 ? cccd::family::avx2::function : cccd::family::serial::function)
#else
#define CCCD_PICK(family, function, level) (cccd::family::serial::function)
#endif

using Bytes = In<std::uint8_t, 2>;

template <typename Scan>
std::size_t scanning(Bytes probes, In<std::int32_t, 2> floors, Bytes codes, In<std::uint16_t, 1> present,
                     Out<std::uint32_t, 2> out, Scan scan) {
  namespace n = cccd::scanning;
  const std::size_t width = codes.shape(1);
  if (width < n::width_step || width > n::width_max || width % n::width_step)
    throw std::invalid_argument("a row of codes must be whole words of 8 bytes");
  if (probes.shape(1) != 2 * width) throw std::invalid_argument("a probe must be twice as wide as a row");
  if (floors.shape(0) != probes.shape(0) || floors.shape(1) != n::presences)
    throw std::invalid_argument("floors must be probes x 1024");
  if (present.shape(0) != codes.shape(0)) throw std::invalid_argument("present must have a word for each row");
  if (out.shape(1) != 3) throw std::invalid_argument("out must have 3 columns");
  if (codes.shape(0) > UINT32_MAX || probes.shape(0) > UINT32_MAX)
    throw std::invalid_argument("rows are numbered in 32 bits");
  static_assert(sizeof(n::Hit) == 3 * sizeof(std::uint32_t));
  const n::Probes wanted{probes.data(), probes.shape(0), floors.data()};
  const n::Rows rows{codes.data(), present.data(), codes.shape(0), width};
  nb::gil_scoped_release release;
  return scan(wanted, rows, reinterpret_cast<n::Hit*>(out.data()), out.shape(0));
}

std::size_t scanning_signs(Bytes probes, In<std::int32_t, 2> floors, Bytes codes, In<std::uint16_t, 1> present,
                           Out<std::uint32_t, 2> out, const std::string& level_name) {
  const Level level = cccd::parse_level(level_name);
  return scanning(probes, floors, codes, present, out, CCCD_PICK(scanning, signs, level));
}

std::size_t scanning_steps(Bytes probes, In<std::int32_t, 2> floors, Bytes codes, In<std::uint16_t, 1> present,
                           Out<std::uint32_t, 2> out, const std::string& level_name) {
  const Level level = cccd::parse_level(level_name);
  return scanning(probes, floors, codes, present, out, CCCD_PICK(scanning, steps, level));
}

using Floors = In<std::int32_t, 3>;

std::size_t scanning_sift(Bytes sketches, In<std::int32_t, 2> slots, In<std::uint16_t, 1> classes, Bytes steps,
                          In<std::int8_t, 2> probe_sketches, In<std::uint8_t, 3> probe_steps, Floors sketch_floors,
                          Floors step_floors, Out<std::uint32_t, 2> out, const std::string& level_name) {
  namespace n = cccd::scanning;
  const std::size_t groups = sketches.shape(0), probes = probe_sketches.shape(0), width = steps.shape(1);
  const std::size_t layings = sketch_floors.shape(0), kinds = sketch_floors.shape(2);
  if (sketches.shape(1) != n::sketch_width * n::group_people || slots.shape(0) != groups ||
      slots.shape(1) != n::group_people || classes.shape(0) != groups)
    throw std::invalid_argument("groups must be of sixteen people of ten fingers, and of one class");
  if ((layings != 1 && layings != 3) || probe_sketches.shape(1) != 2 * n::sketch_width)
    throw std::invalid_argument("probes are sketches of ten fingers, in one laying or three");
  for (const Floors& floors : {sketch_floors, step_floors})
    if (floors.shape(0) != layings || floors.shape(1) != probes || floors.shape(2) != kinds)
      throw std::invalid_argument("floors must be layings x probes x classes");
  if (width < n::width_step || width > n::width_max || width % n::width_step)
    throw std::invalid_argument("a row of codes must be whole words of 8 bytes");
  if (probe_steps.shape(0) != layings || probe_steps.shape(1) != probes || probe_steps.shape(2) != 2 * width)
    throw std::invalid_argument("a probe must be twice as wide as a row, in each laying");
  if (out.shape(1) != 4) throw std::invalid_argument("out must have 4 columns");
  for (std::size_t group = 0; group < groups; ++group) {
    if (classes(group) >= kinds) throw std::invalid_argument("a class without a floor");
    for (std::size_t r = 0; r < n::group_people; ++r)
      if (slots(group, r) >= 0 && static_cast<std::size_t>(slots(group, r)) >= steps.shape(0))
        throw std::invalid_argument("a slot without a row");
  }
  static_assert(sizeof(n::Left) == 4 * sizeof(std::uint32_t));
  const Level level = cccd::parse_level(level_name);
  const n::Crowd crowd{sketches.data(), slots.data(), classes.data(), groups, steps.data(), width};
  const n::Sieves by{probe_sketches.data(), probe_steps.data(), sketch_floors.data(), step_floors.data(),
                     layings, probes, kinds};
  nb::gil_scoped_release release;
  return CCCD_PICK(scanning, sift, level)(by, crowd, reinterpret_cast<n::Left*>(out.data()), out.shape(0));
}

void scanning_moments(const std::string& kind, Bytes probes, Bytes rows, Out<std::int64_t, 2> out,
                      const std::string& level_name) {
  namespace n = cccd::scanning;
  const std::size_t width = rows.shape(1);
  if (width < n::width_step || width > n::width_max || width % n::width_step || probes.shape(1) != 2 * width)
    throw std::invalid_argument("a row of codes must be whole words of 8 bytes, a probe twice as wide");
  if (out.shape(0) != probes.shape(0) || out.shape(1) != 2) throw std::invalid_argument("out must be probes x 2");
  const Level level = cccd::parse_level(level_name);
  const auto sum = kind == "signs" ? CCCD_PICK(scanning, sign_moments, level) : CCCD_PICK(scanning, step_moments, level);
  nb::gil_scoped_release release;
  sum(probes.data(), probes.shape(0), rows.data(), rows.shape(0), width, out.data());
}

using Floats = In<float, 1>;

// The finger of this number in packed ones. Throws where there is none, or what lies there is no finger.
void check_finger(const In<std::uint64_t, 1>& words, const In<std::int64_t, 1>& offsets, std::int64_t finger) {
  if (finger < 0 || static_cast<std::size_t>(finger) + 1 >= offsets.shape(0))
    throw std::invalid_argument("no such finger in the gallery");
  const std::int64_t from = offsets(finger), to = offsets(finger + 1);
  if (from < 0 || to < from || static_cast<std::size_t>(to) > words.shape(0) ||
      !cccd::matching::is_finger(words.data() + from, static_cast<std::size_t>(to - from)))
    throw std::invalid_argument("the gallery holds what is no prepared finger");
}

cccd::matching::Tables matching_tables(const Floats& settings, const Floats& weights, const Floats& cosines,
                                       const Floats& sines, const Floats& logarithms) {
  namespace m = cccd::matching;
  if (settings.shape(0) != m::settings_count || weights.shape(0) != m::weights_count)
    throw std::invalid_argument("settings or weights of another version");
  if (cosines.shape(0) != 256 || sines.shape(0) != 256 || logarithms.shape(0) != 256)
    throw std::invalid_argument("tables must have 256 entries");
  return {settings.data(), weights.data(), cosines.data(), sines.data(), logarithms.data()};
}

void matching_scores(In<std::uint64_t, 1> probe, In<std::uint64_t, 1> words, In<std::int64_t, 1> offsets,
                     std::size_t start, std::size_t stop, Floats settings, Floats weights, Floats cosines, Floats sines,
                     Floats logarithms, Out<float, 1> out, Out<float, 2> features, const std::string& level_name) {
  namespace m = cccd::matching;
  if (start > stop || stop >= offsets.shape(0) || out.shape(0) != stop - start)
    throw std::invalid_argument("start..stop must lie in the gallery and out have its length");
  const m::Tables tables = matching_tables(settings, weights, cosines, sines, logarithms);
  const bool thorough = features.shape(0) > 0;
  if (thorough && (features.shape(0) != stop - start || features.shape(1) != m::features_count))
    throw std::invalid_argument("features must be fingers x 31");
  if (!m::is_finger(probe.data(), probe.shape(0))) throw std::invalid_argument("the probe is no prepared finger");
  for (std::size_t finger = start; finger < stop; ++finger)
    check_finger(words, offsets, static_cast<std::int64_t>(finger));
  const Level level = cccd::parse_level(level_name);
  nb::gil_scoped_release release;
  CCCD_PICK(matching, scores, level)
  (tables, probe.data(), words.data(), offsets.data(), start, stop, out.data(), thorough ? features.data() : nullptr);
}

void matching_pair_scores(In<std::uint64_t, 1> probe_words, In<std::int64_t, 1> probe_offsets,
                          In<std::uint64_t, 1> words, In<std::int64_t, 1> offsets, In<std::int64_t, 2> pairs,
                          Floats settings, Floats weights, Floats cosines, Floats sines, Floats logarithms,
                          Out<float, 1> out, const std::string& level_name) {
  if (pairs.shape(1) != 2 || out.shape(0) != pairs.shape(0))
    throw std::invalid_argument("pairs must be n x 2 and out have their length");
  const cccd::matching::Tables tables = matching_tables(settings, weights, cosines, sines, logarithms);
  for (std::size_t k = 0; k < pairs.shape(0); ++k) {
    check_finger(probe_words, probe_offsets, pairs(k, 0));
    check_finger(words, offsets, pairs(k, 1));
  }
  const Level level = cccd::parse_level(level_name);
  nb::gil_scoped_release release;
  CCCD_PICK(matching, pair_scores, level)
  (tables, {probe_words.data(), probe_offsets.data()}, {words.data(), offsets.data()}, pairs.data(), pairs.shape(0),
   out.data());
}

int matching_explain(In<std::uint64_t, 1> probe, In<std::uint64_t, 1> candidate, Floats settings, Floats weights,
                     Floats cosines, Floats sines, Floats logarithms, Out<float, 1> features, Out<std::int64_t, 2> ends,
                     Out<float, 1> similarities, Out<float, 1> placing, Out<std::uint8_t, 2> inside,
                     const std::string& level_name) {
  namespace m = cccd::matching;
  const m::Tables tables = matching_tables(settings, weights, cosines, sines, logarithms);
  for (const auto& finger : {probe, candidate})
    if (!m::is_finger(finger.data(), finger.shape(0))) throw std::invalid_argument("what is no prepared finger");
  if (features.shape(0) != m::features_count || ends.shape(0) != 2 || ends.shape(1) != m::points_max ||
      similarities.shape(0) != m::points_max || placing.shape(0) != 4 || inside.shape(0) != 2 ||
      inside.shape(1) != m::points_max)
    throw std::invalid_argument("an explanation has 31 features, twice 128 ends, 128 similarities and 4 of the placing");
  const Level level = cccd::parse_level(level_name);
  const m::Explanation out{features.data(), ends.data(), similarities.data(), placing.data(), inside.data()};
  nb::gil_scoped_release release;
  return CCCD_PICK(matching, explain, level)(tables, probe.data(), candidate.data(), out);
}

using Doubles = In<double, 1>;
using Shorts = In<std::uint16_t, 1>;

cccd::preparing::Tables preparing_tables(double radius, double threshold, double crowd_reach, const Doubles& spatial,
                                         const In<double, 2>& angular, const Doubles& cosines, const Doubles& sines) {
  namespace p = cccd::preparing;
  if (spatial.shape(0) < 2 || spatial.shape(0) > p::spatial_max)
    throw std::invalid_argument("the spatial table must have 2 numbers or more");
  if (angular.shape(0) != p::steps || angular.shape(1) != p::lanes || cosines.shape(0) != p::steps ||
      sines.shape(0) != p::steps)
    throw std::invalid_argument("tables must have 256 entries");
  const int reach2 = static_cast<int>(spatial.shape(0)) - 2;
  return {radius, threshold, crowd_reach, spatial.data(), reach2, angular.data(), cosines.data(), sines.data()};
}

void preparing_finger(Shorts x, Shorts y, Shorts angle, In<std::uint8_t, 1> kind, In<std::uint8_t, 1> quality,
                      double scale_x, double scale_y, int kept, int cylinders, double radius, double threshold,
                      double crowd_reach, Doubles spatial, In<double, 2> angular, Doubles cosines, Doubles sines,
                      Out<std::int64_t, 1> order, Out<std::uint64_t, 1> words, const std::string& level_name) {
  namespace p = cccd::preparing;
  const std::size_t n = x.shape(0);
  if (n > UINT32_MAX) throw std::invalid_argument("minutiae are numbered in 32 bits");
  if (y.shape(0) != n || angle.shape(0) != n || kind.shape(0) != n || quality.shape(0) != n)
    throw std::invalid_argument("the columns of minutiae differ in length");
  if (kept < 0 || kept > p::minutiae_max || static_cast<std::size_t>(kept) > n || cylinders < 0 || cylinders > kept ||
      cylinders > p::cylinders_max)
    throw std::invalid_argument("kept and cylinders must be within their bounds and the minutiae there are");
  if (order.shape(0) != std::min<std::size_t>(n, p::neighbours_max))
    throw std::invalid_argument("order must have a place for each minutia, at most 255");
  if (words.shape(0) != static_cast<std::size_t>(1 + kept + p::code_words * cylinders))
    throw std::invalid_argument("words must be 1 + kept + 5 cylinders");
  const Level level = cccd::parse_level(level_name);
  const p::Minutiae minutiae{n, x.data(), y.data(), angle.data(), kind.data(), quality.data(), scale_x, scale_y};
  const p::Tables tables = preparing_tables(radius, threshold, crowd_reach, spatial, angular, cosines, sines);
  nb::gil_scoped_release release;
  CCCD_PICK(preparing, finger, level)(minutiae, &tables, 1, kept, cylinders, order.data(), words.data());
}

// Many fingers: the minutiae of finger i are those from starts[i] on, and sizes[i] says how many are kept and how many
// get a cylinder. Each is made at some scales, of which `settings` has the radius, threshold and crowd reach, and which
// have their own tables, one after the other: the spatial one of scale s is spatial[spatial_starts[s]] to
// spatial[spatial_starts[s + 1]]. The words lie one finger after the other, and of each one scale after the other.
void preparing_gallery(Shorts x, Shorts y, Shorts angle, In<std::uint8_t, 1> kind, In<std::uint8_t, 1> quality,
                       In<std::int64_t, 1> starts, In<double, 2> resolutions, In<std::int64_t, 2> sizes,
                       In<double, 2> settings, Doubles spatial, In<std::int64_t, 1> spatial_starts,
                       In<double, 3> angular, Doubles cosines, Doubles sines, In<std::int64_t, 1> offsets,
                       Out<std::uint64_t, 1> words, const std::string& level_name) {
  namespace p = cccd::preparing;
  const std::size_t fingers = sizes.shape(0), scales = settings.shape(0);
  const auto n = static_cast<std::int64_t>(x.shape(0));
  if (n > UINT32_MAX) throw std::invalid_argument("minutiae are numbered in 32 bits");
  if (y.shape(0) != x.shape(0) || angle.shape(0) != x.shape(0) || kind.shape(0) != x.shape(0) ||
      quality.shape(0) != x.shape(0))
    throw std::invalid_argument("the columns of minutiae differ in length");
  if (scales < 1 || scales > p::scales_max || settings.shape(1) != 3 || spatial_starts.shape(0) != scales + 1 ||
      angular.shape(0) != scales || angular.shape(1) != p::steps || angular.shape(2) != p::lanes ||
      cosines.shape(0) != p::steps || sines.shape(0) != p::steps)
    throw std::invalid_argument("each scale must have its settings and tables");
  if (starts.shape(0) != fingers + 1 || offsets.shape(0) != fingers * scales + 1 || resolutions.shape(0) != fingers ||
      resolutions.shape(1) != 2 || sizes.shape(1) != 2 || starts(0) != 0 || starts(fingers) != n || offsets(0) != 0 ||
      offsets(fingers * scales) != static_cast<std::int64_t>(words.shape(0)))
    throw std::invalid_argument("fingers must fill their minutiae and words");
  p::Tables tables[p::scales_max];
  for (std::size_t s = 0; s < scales; ++s) {
    const std::int64_t from = spatial_starts(s), to = spatial_starts(s + 1);
    if (from < 0 || to < from + 2 || to > from + p::spatial_max || static_cast<std::size_t>(to) > spatial.shape(0))
      throw std::invalid_argument("a spatial table must have 2 numbers or more");
    tables[s] = {settings(s, 0), settings(s, 1), settings(s, 2), spatial.data() + from, static_cast<int>(to - from) - 2,
                 angular.data() + s * p::steps * p::lanes, cosines.data(), sines.data()};
  }
  for (std::size_t i = 0; i < fingers; ++i) {
    const std::int64_t kept = sizes(i, 0), cylinders = sizes(i, 1);
    if (starts(i) < 0 || starts(i + 1) > n || starts(i + 1) < starts(i) || kept < 0 || kept > p::minutiae_max ||
        kept > starts(i + 1) - starts(i) || cylinders < 0 || cylinders > kept || cylinders > p::cylinders_max)
      throw std::invalid_argument("kept and cylinders must be within their bounds and the minutiae there are");
    for (std::size_t s = i * scales; s < (i + 1) * scales; ++s)
      if (offsets(s + 1) - offsets(s) != 1 + kept + p::code_words * cylinders)
        throw std::invalid_argument("words must be 1 + kept + 5 cylinders of each");
  }
  const Level level = cccd::parse_level(level_name);
  const p::FingerFn finger = CCCD_PICK(preparing, finger, level);
  nb::gil_scoped_release release;
  std::int64_t order[p::neighbours_max];
  for (std::size_t i = 0; i < fingers; ++i) {
    const std::int64_t at = starts(i);
    const p::Minutiae minutiae{static_cast<std::size_t>(starts(i + 1) - at), x.data() + at, y.data() + at,
                               angle.data() + at, kind.data() + at, quality.data() + at, resolutions(i, 0),
                               resolutions(i, 1)};
    finger(minutiae, tables, scales, static_cast<int>(sizes(i, 0)), static_cast<int>(sizes(i, 1)), order,
           words.data() + offsets(i * scales));
  }
}

void coding_codes(std::size_t scales, In<std::int8_t, 2> embedding, In<float, 1> embedding_scale,
                  In<float, 1> embedding_bias, In<float, 2> assignment,
                  In<float, 1> assignment_bias, In<float, 2> centres, In<std::int8_t, 2> projection,
                  In<float, 1> projection_scale, In<float, 1> projection_bias, float coarse_scale,
                  In<std::uint64_t, 1> words, In<std::int64_t, 2> starts, In<std::int64_t, 2> stops,
                  Out<std::uint8_t, 2> signs, Out<std::uint8_t, 2> coarse, const std::string& level_name) {
  namespace c = cccd::coding;
  namespace m = cccd::matching;
  static_assert(c::bit_words == m::code_words && c::cylinders_max == m::cylinders_max);
  const std::size_t depth = embedding_bias.shape(0), vocabulary = assignment_bias.shape(0);
  const std::size_t outputs = projection_bias.shape(0), fingers = signs.shape(0), pooled = vocabulary * depth;
  const std::size_t coarse_count = 2 * coarse.shape(1);
  if (scales < 1 || scales > c::scales_max || depth < 1 || depth > c::depth_max || depth % 128 || vocabulary < 1 ||
      vocabulary > c::words_max || vocabulary % 16 || outputs < 1 || outputs > c::outputs_max || outputs % 64 ||
      coarse_count > outputs)
    throw std::invalid_argument("a model of another size");
  if (embedding.shape(0) != scales * c::bits || embedding.shape(1) != depth || assignment.shape(0) != scales * c::bits ||
      embedding_scale.shape(0) != depth ||
      assignment.shape(1) != vocabulary || centres.shape(0) != vocabulary || centres.shape(1) != depth ||
      projection.shape(0) != outputs || projection.shape(1) != pooled || projection_scale.shape(0) != outputs)
    throw std::invalid_argument("the arrays of the model do not belong together");
  if (signs.shape(1) != outputs / 8 || coarse.shape(0) != fingers)
    throw std::invalid_argument("the codes must have a row for each finger and a bit for each output");
  if (starts.shape(0) != fingers || starts.shape(1) != scales || stops.shape(0) != fingers || stops.shape(1) != scales)
    throw std::invalid_argument("each finger must have all scales");
  for (std::size_t f = 0; f < fingers; ++f)
    for (std::size_t s = 0; s < scales; ++s) {
      const std::int64_t from = starts(f, s), to = stops(f, s);
      if (from < 0 || to < from || static_cast<std::size_t>(to) > words.shape(0) ||
          !m::is_finger(words.data() + from, static_cast<std::size_t>(to - from)) ||
          (words(static_cast<std::size_t>(from)) ^ words(static_cast<std::size_t>(starts(f, 0)))) & 0xff00)
        throw std::invalid_argument("what is no prepared finger, or scales of other fingers");
    }
  const Level level = cccd::parse_level(level_name);
  const c::Model model{scales, depth, vocabulary, outputs, coarse_count, embedding.data(), embedding_scale.data(), embedding_bias.data(),
                       assignment.data(), assignment_bias.data(), centres.data(), projection.data(),
                       projection_scale.data(), projection_bias.data(), coarse_scale};
  nb::gil_scoped_release release;
  std::vector<std::uint8_t> looks(embedding.size());
  std::vector<float> seen(c::cylinders_max * depth), shares(c::cylinders_max * vocabulary), sums(pooled);
  std::vector<float> values(c::fingers_at_once * outputs);
  std::vector<std::int16_t> whole(c::fingers_at_once * pooled);
  const c::Room room{looks.data(), seen.data(), shares.data(), sums.data(), values.data(), whole.data()};
  CCCD_PICK(coding, codes, level)(model, room, words.data(), starts.data(), fingers, signs.data(), coarse.data());
}

using Weights = In<std::int16_t, 1>;
using Picture = In<std::int16_t, 3>;

cccd::extraction::Product extraction_product(const Weights& weights, const Floats& scale, const Floats& bias,
                                             std::size_t inputs) {
  namespace e = cccd::extraction;
  const std::size_t outputs = scale.shape(0);
  if (inputs < 2 || inputs % 2 || inputs > 2 * e::channels_max || outputs < e::lanes || outputs % e::lanes ||
      outputs > e::channels_max || bias.shape(0) != outputs || weights.shape(0) != inputs * outputs)
    throw std::invalid_argument("a product's weights, scale and bias do not belong together");
  return {weights.data(), scale.data(), bias.data(), inputs, outputs};
}

cccd::extraction::Depthwise extraction_depthwise(const Weights& weights, const Floats& scale, std::size_t size) {
  namespace e = cccd::extraction;
  const std::size_t channels = scale.shape(0);
  if ((size != 5 && size != 7) || channels < e::lanes || channels % e::lanes || channels > e::channels_max ||
      weights.shape(0) != (size + 1) * size * channels)
    throw std::invalid_argument("a depthwise convolution's weights and scale do not belong together");
  return {weights.data(), scale.data(), size, channels};
}

cccd::extraction::Norm extraction_norm(const Floats& gamma, const Floats& beta, const Floats& real, float count,
                                       std::size_t channels) {
  if (gamma.shape(0) != channels || beta.shape(0) != channels || real.shape(0) != channels || !(count >= 1.0f))
    throw std::invalid_argument("a normalisation is of other channels");
  return {gamma.data(), beta.data(), real.data(), count};
}

cccd::extraction::Image extraction_image(const Picture& image, std::size_t border, std::size_t channels) {
  if (image.shape(0) <= 2 * border || image.shape(1) <= 2 * border || image.shape(2) != channels)
    throw std::invalid_argument("an image is of other channels, or without its border");
  return {image.data(), image.shape(0) - 2 * border, image.shape(1) - 2 * border, channels};
}

void extraction_out(const Out<std::int16_t, 3>& out, std::size_t height, std::size_t width, std::size_t channels) {
  if (out.shape(0) != height || out.shape(1) != width || out.shape(2) != channels)
    throw std::invalid_argument("out is of another size");
}

void extraction_stem(Picture image, Weights weights, Floats scale, Floats bias, Floats gamma, Floats beta, Floats real,
                     float count, bool largest, float to_out, Out<std::int16_t, 3> out, const std::string& level_name) {
  namespace e = cccd::extraction;
  const e::Image from = extraction_image(image, 4, 1);
  const e::Product product = extraction_product(weights, scale, bias, e::stem_inputs);
  const e::Norm norm = extraction_norm(gamma, beta, real, count, product.outputs);
  if (from.height % 2 || from.width % 2) throw std::invalid_argument("the sides of an image are even");
  extraction_out(out, from.height / 2, from.width / 2, product.outputs);
  const Level level = cccd::parse_level(level_name);
  nb::gil_scoped_release release;
  CCCD_PICK(extraction, stem, level)(from, product, norm, largest, to_out, out.data());
}

void extraction_separable(Picture image, std::size_t size, Weights window, Floats window_scale, Weights weights,
                          Floats scale, Floats bias, Floats gamma, Floats beta, Floats real, float count, float to_out,
                          Out<std::int16_t, 3> out, const std::string& level_name) {
  namespace e = cccd::extraction;
  const e::Depthwise kernel = extraction_depthwise(window, window_scale, size);
  const e::Image from = extraction_image(image, size / 2, kernel.channels);
  const e::Product product = extraction_product(weights, scale, bias, kernel.channels);
  const e::Norm norm = extraction_norm(gamma, beta, real, count, product.outputs);
  extraction_out(out, from.height, from.width, product.outputs);
  const Level level = cccd::parse_level(level_name);
  nb::gil_scoped_release release;
  CCCD_PICK(extraction, separable, level)(from, kernel, product, norm, to_out, out.data());
}

void extraction_bottleneck(Picture image, std::size_t size, Weights window, Floats window_scale, Floats gamma,
                           Floats beta, Floats real, float count, Weights expand, Floats expand_scale,
                           Floats expand_bias, Weights reduce, Floats reduce_scale, Floats reduce_bias, Weights adjust,
                           Floats adjust_scale, Floats adjust_bias, float to_middle, float to_out,
                           Out<std::int16_t, 3> out, const std::string& level_name) {
  namespace e = cccd::extraction;
  const e::Depthwise kernel = extraction_depthwise(window, window_scale, size);
  const e::Image from = extraction_image(image, size / 2, kernel.channels);
  const e::Norm norm = extraction_norm(gamma, beta, real, count, kernel.channels);
  const e::Product wide = extraction_product(expand, expand_scale, expand_bias, kernel.channels);
  const e::Product narrow = extraction_product(reduce, reduce_scale, reduce_bias, wide.outputs);
  const e::Product past = extraction_product(adjust, adjust_scale, adjust_bias, kernel.channels);
  if (past.outputs != narrow.outputs) throw std::invalid_argument("what is added is of other channels");
  extraction_out(out, from.height, from.width, narrow.outputs);
  const Level level = cccd::parse_level(level_name);
  nb::gil_scoped_release release;
  CCCD_PICK(extraction, bottleneck, level)
  (from, kernel, norm, wide, narrow, past, to_middle, to_out, out.data());
}

void extraction_gate(Picture image, In<std::int16_t, 2> seen, In<float, 2> seen_scale, In<float, 2> seen_bias,
                     Weights weights, Floats scale, Floats bias, float to_middle, Out<std::int16_t, 3> out,
                     const std::string& level_name) {
  namespace e = cccd::extraction;
  constexpr std::size_t inputs = e::gate_taps * e::gate_channels;
  const e::Image from = extraction_image(image, e::gate_reach, e::gate_channels);
  if (seen.shape(0) != e::gates || seen.shape(1) != inputs * e::lanes || seen_scale.shape(0) != e::gates ||
      seen_scale.shape(1) != e::lanes || seen_bias.shape(0) != e::gates || seen_bias.shape(1) != e::lanes)
    throw std::invalid_argument("the gate's convolutions are of another size");
  const e::Product weigh = extraction_product(weights, scale, bias, e::gates * e::lanes);
  if (weigh.outputs != e::gate_channels) throw std::invalid_argument("the gate is of other channels");
  extraction_out(out, from.height, from.width, e::gate_channels);
  e::Product each[e::gates];
  for (std::size_t g = 0; g < e::gates; ++g)
    each[g] = {seen.data() + g * inputs * e::lanes, seen_scale.data() + g * e::lanes, seen_bias.data() + g * e::lanes,
               inputs, e::lanes};
  const Level level = cccd::parse_level(level_name);
  nb::gil_scoped_release release;
  CCCD_PICK(extraction, gate, level)(from, each, weigh, to_middle, out.data());
}

void calibrating_scores(In<double, 1> raw_knots, In<double, 1> score_knots, In<double, 2> chance, In<double, 1> numbers,
                        In<std::uint64_t, 1> probe, In<std::uint64_t, 1> words, In<std::int64_t, 1> offsets,
                        Out<float, 1> scores) {
  namespace c = cccd::calibrating;
  if (raw_knots.shape(0) < 2 || score_knots.shape(0) != raw_knots.shape(0))
    throw std::invalid_argument("two knots or more, raw and calibrated");
  if (chance.size() != 0 && chance.size() != c::chance_count)
    throw std::invalid_argument("chance must be 5 x 256 or nothing");
  if (numbers.shape(0) != c::numbers_count) throw std::invalid_argument("numbers of another version");
  if (probe.shape(0) < 1 || offsets.shape(0) != scores.shape(0) + 1)
    throw std::invalid_argument("a probe is needed, and a score for each finger");
  for (std::size_t finger = 0; finger < scores.shape(0); ++finger)
    if (offsets(finger) < 0 || static_cast<std::size_t>(offsets(finger)) >= words.shape(0))
      throw std::invalid_argument("the gallery holds what is no prepared finger");
  const c::Map map{raw_knots.data(), score_knots.data(), raw_knots.shape(0), chance.size() ? chance.data() : nullptr,
                   numbers.data()};
  nb::gil_scoped_release release;
  c::scores(map, probe(0), words.data(), offsets.data(), scores.shape(0), scores.data());
}

std::int64_t unpacking_find(In<std::uint8_t, 1> data, In<std::int64_t, 1> starts, In<std::int64_t, 1> stops,
                            Out<std::int64_t, 2> out) {
  namespace u = cccd::unpacking;
  static_assert(sizeof(u::Finger) == 5 * sizeof(std::int64_t));
  const std::size_t runs = starts.shape(0);
  if (stops.shape(0) != runs || out.shape(1) != 5 || out.shape(0) != u::fingers_most * runs)
    throw std::invalid_argument("a run has a start, a stop and ten rows of out");
  for (std::size_t run = 0; run < runs; ++run)
    if (starts(run) < 0 || stops(run) < starts(run) || static_cast<std::size_t>(stops(run)) > data.shape(0))
      throw std::invalid_argument("a run lies outside the data");
  nb::gil_scoped_release release;
  return u::find(data.data(), starts.data(), stops.data(), runs, reinterpret_cast<u::Finger*>(out.data()));
}

bool unpacking_unpack(In<std::uint8_t, 1> data, In<std::int64_t, 2> fingers, In<std::int64_t, 1> offsets,
                      Out<std::uint64_t, 1> words) {
  namespace u = cccd::unpacking;
  const std::size_t count = fingers.shape(0);
  if (fingers.shape(1) != 5 || offsets.shape(0) != count + 1)
    throw std::invalid_argument("a finger has five numbers and an offset");
  for (std::size_t finger = 0; finger < count; ++finger) {
    const std::int64_t at = fingers(finger, 2), n = fingers(finger, 3), c = fingers(finger, 4);
    if (at < 0 || static_cast<std::size_t>(at) > data.shape(0) || n < 0 || n > u::minutiae_most || c < 0 || c > n ||
        offsets(finger) < 0 || offsets(finger + 1) - offsets(finger) != 1 + n + u::code_words * c ||
        static_cast<std::size_t>(offsets(finger + 1)) > words.shape(0))
      throw std::invalid_argument("a finger lies outside the data, or its words outside theirs");
  }
  nb::gil_scoped_release release;
  for (std::size_t finger = 0; finger < count; ++finger) {
    const std::size_t at = static_cast<std::size_t>(fingers(finger, 2));
    const std::int64_t n = fingers(finger, 3), c = fingers(finger, 4);
    if (!u::whole(data.data() + at, data.shape(0) - at, n, c)) return false;
    u::unpack(data.data() + at, n, c, words.data() + offsets(finger));
  }
  return true;
}

}  // namespace

NB_MODULE(_native, m) {
  m.def("levels", [] {
    std::vector<std::string> names;
    for (Level level : cccd::available_levels()) names.emplace_back(cccd::level_name(level));
    return names;
  });
  m.def("scanning_signs", &scanning_signs, nb::arg("probes").noconvert(), nb::arg("floors").noconvert(), nb::arg("codes").noconvert(),
        nb::arg("present").noconvert(), nb::arg("out").noconvert(), nb::arg("level"));
  m.def("scanning_steps", &scanning_steps, nb::arg("probes").noconvert(), nb::arg("floors").noconvert(), nb::arg("codes").noconvert(),
        nb::arg("present").noconvert(), nb::arg("out").noconvert(), nb::arg("level"));
  m.def("scanning_sift", &scanning_sift, nb::arg("sketches").noconvert(), nb::arg("slots").noconvert(),
        nb::arg("classes").noconvert(), nb::arg("steps").noconvert(), nb::arg("probe_sketches").noconvert(),
        nb::arg("probe_steps").noconvert(), nb::arg("sketch_floors").noconvert(), nb::arg("step_floors").noconvert(),
        nb::arg("out").noconvert(), nb::arg("level"));
  m.def("scanning_moments", &scanning_moments, nb::arg("kind"), nb::arg("probes").noconvert(), nb::arg("rows").noconvert(),
        nb::arg("out").noconvert(), nb::arg("level"));
  m.def("calibrating_scores", &calibrating_scores, nb::arg("raw_knots").noconvert(), nb::arg("score_knots").noconvert(),
        nb::arg("chance").noconvert(), nb::arg("numbers").noconvert(), nb::arg("probe").noconvert(),
        nb::arg("words").noconvert(), nb::arg("offsets").noconvert(), nb::arg("scores").noconvert());
  m.def("coding_codes", &coding_codes, nb::arg("scales"), nb::arg("embedding").noconvert(), nb::arg("embedding_scale").noconvert(),
        nb::arg("embedding_bias").noconvert(), nb::arg("assignment").noconvert(), nb::arg("assignment_bias").noconvert(),
        nb::arg("centres").noconvert(), nb::arg("projection").noconvert(), nb::arg("projection_scale").noconvert(),
        nb::arg("projection_bias").noconvert(), nb::arg("coarse_scale"), nb::arg("words").noconvert(),
        nb::arg("starts").noconvert(), nb::arg("stops").noconvert(), nb::arg("signs").noconvert(),
        nb::arg("coarse").noconvert(), nb::arg("level"));
  m.def("extraction_stem", &extraction_stem, nb::arg("image").noconvert(), nb::arg("weights").noconvert(),
        nb::arg("scale").noconvert(), nb::arg("bias").noconvert(), nb::arg("gamma").noconvert(),
        nb::arg("beta").noconvert(), nb::arg("real").noconvert(), nb::arg("count"), nb::arg("largest"),
        nb::arg("to_out"), nb::arg("out").noconvert(), nb::arg("level"));
  m.def("extraction_separable", &extraction_separable, nb::arg("image").noconvert(), nb::arg("size"),
        nb::arg("window").noconvert(), nb::arg("window_scale").noconvert(), nb::arg("weights").noconvert(),
        nb::arg("scale").noconvert(), nb::arg("bias").noconvert(), nb::arg("gamma").noconvert(),
        nb::arg("beta").noconvert(), nb::arg("real").noconvert(), nb::arg("count"), nb::arg("to_out"),
        nb::arg("out").noconvert(), nb::arg("level"));
  m.def("extraction_bottleneck", &extraction_bottleneck, nb::arg("image").noconvert(), nb::arg("size"),
        nb::arg("window").noconvert(), nb::arg("window_scale").noconvert(), nb::arg("gamma").noconvert(),
        nb::arg("beta").noconvert(), nb::arg("real").noconvert(), nb::arg("count"), nb::arg("expand").noconvert(),
        nb::arg("expand_scale").noconvert(), nb::arg("expand_bias").noconvert(), nb::arg("reduce").noconvert(),
        nb::arg("reduce_scale").noconvert(), nb::arg("reduce_bias").noconvert(), nb::arg("adjust").noconvert(),
        nb::arg("adjust_scale").noconvert(), nb::arg("adjust_bias").noconvert(), nb::arg("to_middle"),
        nb::arg("to_out"), nb::arg("out").noconvert(), nb::arg("level"));
  m.def("extraction_gate", &extraction_gate, nb::arg("image").noconvert(), nb::arg("seen").noconvert(),
        nb::arg("seen_scale").noconvert(), nb::arg("seen_bias").noconvert(), nb::arg("weights").noconvert(),
        nb::arg("scale").noconvert(), nb::arg("bias").noconvert(), nb::arg("to_middle"), nb::arg("out").noconvert(),
        nb::arg("level"));
  m.def("matching_scores", &matching_scores, nb::arg("probe").noconvert(), nb::arg("words").noconvert(),
        nb::arg("offsets").noconvert(), nb::arg("start"), nb::arg("stop"), nb::arg("settings").noconvert(),
        nb::arg("weights").noconvert(), nb::arg("cosines").noconvert(), nb::arg("sines").noconvert(),
        nb::arg("logarithms").noconvert(), nb::arg("out").noconvert(), nb::arg("features").noconvert(),
        nb::arg("level"));
  m.def("matching_pair_scores", &matching_pair_scores, nb::arg("probe_words").noconvert(),
        nb::arg("probe_offsets").noconvert(), nb::arg("words").noconvert(), nb::arg("offsets").noconvert(),
        nb::arg("pairs").noconvert(), nb::arg("settings").noconvert(), nb::arg("weights").noconvert(),
        nb::arg("cosines").noconvert(), nb::arg("sines").noconvert(), nb::arg("logarithms").noconvert(),
        nb::arg("out").noconvert(), nb::arg("level"));
  m.def("matching_explain", &matching_explain, nb::arg("probe").noconvert(), nb::arg("candidate").noconvert(),
        nb::arg("settings").noconvert(), nb::arg("weights").noconvert(), nb::arg("cosines").noconvert(),
        nb::arg("sines").noconvert(), nb::arg("logarithms").noconvert(), nb::arg("features").noconvert(),
        nb::arg("ends").noconvert(), nb::arg("similarities").noconvert(), nb::arg("placing").noconvert(),
        nb::arg("inside").noconvert(), nb::arg("level"));
  m.def("preparing_finger", &preparing_finger, nb::arg("x").noconvert(), nb::arg("y").noconvert(),
        nb::arg("angle").noconvert(), nb::arg("kind").noconvert(), nb::arg("quality").noconvert(), nb::arg("scale_x"),
        nb::arg("scale_y"), nb::arg("kept"), nb::arg("cylinders"), nb::arg("radius"), nb::arg("threshold"),
        nb::arg("crowd_reach"), nb::arg("spatial").noconvert(), nb::arg("angular").noconvert(),
        nb::arg("cosines").noconvert(), nb::arg("sines").noconvert(), nb::arg("order").noconvert(),
        nb::arg("words").noconvert(), nb::arg("level"));
  m.def("preparing_gallery", &preparing_gallery, nb::arg("x").noconvert(), nb::arg("y").noconvert(),
        nb::arg("angle").noconvert(), nb::arg("kind").noconvert(), nb::arg("quality").noconvert(),
        nb::arg("starts").noconvert(), nb::arg("resolutions").noconvert(), nb::arg("sizes").noconvert(),
        nb::arg("settings").noconvert(), nb::arg("spatial").noconvert(), nb::arg("spatial_starts").noconvert(),
        nb::arg("angular").noconvert(), nb::arg("cosines").noconvert(), nb::arg("sines").noconvert(),
        nb::arg("offsets").noconvert(), nb::arg("words").noconvert(), nb::arg("level"));
  m.def("unpacking_find", &unpacking_find, nb::arg("data").noconvert(), nb::arg("starts").noconvert(),
        nb::arg("stops").noconvert(), nb::arg("out").noconvert());
  m.def("unpacking_unpack", &unpacking_unpack, nb::arg("data").noconvert(), nb::arg("fingers").noconvert(),
        nb::arg("offsets").noconvert(), nb::arg("words").noconvert());
}
