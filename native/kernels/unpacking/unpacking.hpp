// Runs of packed fingers to the words of prepared ones. Twin of src/cccd_core/dedup/kernels/unpacking.py; what a run is
// stands in src/cccd_core/dedup/index/packing.py.
#pragma once
#include <cstddef>
#include <cstdint>

namespace cccd::unpacking {

constexpr int fingers_most = 10, minutiae_most = 120, cylinders_most = 64;
constexpr int code_words = 5, cylinder_bytes = 39, mask_bytes = 5;

// One finger of a run: whose, at which position, where it begins, minutiae, cylinders.
struct Finger {
  std::int64_t run, position, at, minutiae, cylinders;
};

// Finds the fingers of the runs data[starts[i]] to data[stops[i]], which lie within data, into `out`, which has room
// for ten a run. Returns how many there are; or -1 - i where run i is none.
std::int64_t find(const std::uint8_t* data, const std::int64_t* starts, const std::int64_t* stops, std::size_t runs,
                  Finger* out);

// Whether a finger of `size` bytes at most, with these counts, begins at `data`: `unpack` reads no more of it.
bool whole(const std::uint8_t* data, std::size_t size, std::int64_t minutiae, std::int64_t cylinders);

// One finger to its 1 + minutiae + 5 cylinders words.
void unpack(const std::uint8_t* data, std::int64_t minutiae, std::int64_t cylinders, std::uint64_t* words);

}  // namespace cccd::unpacking
