// The Python door of the native kernels: checks shapes, drops the GIL, calls the level that was asked for.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <stdexcept>

#include "dispatch.hpp"
#include "hamming/hamming.hpp"

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

void check_codes(const In<std::uint64_t, 2>& codes, const char* name) {
  if (codes.shape(1) != cccd::hamming::words)
    throw std::invalid_argument(std::string(name) + " must have 8 uint64 words a row");
}

void hamming_distances(In<std::uint64_t, 2> probe, In<std::uint64_t, 2> gallery, Out<std::uint16_t, 2> out,
                       const std::string& level_name) {
  check_codes(probe, "probe");
  check_codes(gallery, "gallery");
  if (out.shape(0) != probe.shape(0) || out.shape(1) != gallery.shape(0))
    throw std::invalid_argument("out must be probes x gallery rows");
  const Level level = cccd::parse_level(level_name);
  nb::gil_scoped_release release;
  CCCD_PICK(hamming, distances, level)(probe.data(), probe.shape(0), gallery.data(), gallery.shape(0), out.data());
}

std::size_t hamming_within(In<std::uint64_t, 2> probe, In<std::uint64_t, 2> gallery, std::uint32_t limit,
                           Out<std::uint32_t, 2> out, const std::string& level_name) {
  check_codes(probe, "probe");
  check_codes(gallery, "gallery");
  if (out.shape(1) != 3) throw std::invalid_argument("out must have 3 columns");
  const Level level = cccd::parse_level(level_name);
  static_assert(sizeof(cccd::hamming::Hit) == 3 * sizeof(std::uint32_t));
  nb::gil_scoped_release release;
  return CCCD_PICK(hamming, within, level)(probe.data(), probe.shape(0), gallery.data(), gallery.shape(0), limit,
                                           reinterpret_cast<cccd::hamming::Hit*>(out.data()), out.shape(0));
}

}  // namespace

NB_MODULE(_native, m) {
  m.def("levels", [] {
    std::vector<std::string> names;
    for (Level level : cccd::available_levels()) names.emplace_back(cccd::level_name(level));
    return names;
  });
  m.def("hamming_distances", &hamming_distances, nb::arg("probe").noconvert(), nb::arg("gallery").noconvert(),
        nb::arg("out").noconvert(), nb::arg("level"));
  m.def("hamming_within", &hamming_within, nb::arg("probe").noconvert(), nb::arg("gallery").noconvert(),
        nb::arg("limit"), nb::arg("out").noconvert(), nb::arg("level"));
}
