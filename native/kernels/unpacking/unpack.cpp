#include "unpacking.hpp"

#include <bit>
#include <cstring>

namespace cccd::unpacking {

static std::uint64_t mask_at(const std::uint8_t* data) {
  std::uint64_t mask = 0;
  for (int byte = 0; byte < mask_bytes; ++byte) mask |= static_cast<std::uint64_t>(data[byte]) << 8 * byte;
  return mask;
}

// How many bytes the finger at `data` takes; 0 where `size` bytes hold none, or one that none is made like.
static std::size_t finger_bytes(const std::uint8_t* data, std::size_t size) {
  if (size < 8) return 0;
  const int minutiae = data[0], cylinders = data[1], corners = data[2];
  if (minutiae > minutiae_most || cylinders > minutiae || cylinders > cylinders_most || corners > minutiae) return 0;
  const std::size_t masks = 8 * static_cast<std::size_t>(1 + minutiae);
  std::size_t end = masks + static_cast<std::size_t>(mask_bytes * cylinders);
  if (size < end) return 0;
  for (int cylinder = 0; cylinder < cylinders; ++cylinder) {
    const std::uint64_t mask = mask_at(data + masks + mask_bytes * cylinder);
    if (mask >> cylinder_bytes) return 0;
    end += static_cast<std::size_t>(std::popcount(mask));
  }
  return size < end ? 0 : end;
}

static std::int64_t find_in(const std::uint8_t* data, std::int64_t start, std::int64_t stop, std::int64_t run,
                            Finger* out) {
  if (start == stop || data[start] > fingers_most || stop - start < 1 + data[start]) return -1;
  const int count = data[start];
  std::int64_t at = start + 1 + count;
  for (int finger = 0; finger < count; ++finger) {
    const int position = data[start + 1 + finger];
    const std::size_t bytes = finger_bytes(data + at, static_cast<std::size_t>(stop - at));
    if (position > fingers_most || bytes == 0) return -1;
    out[finger] = {run, position, at, data[at], data[at + 1]};
    at += static_cast<std::int64_t>(bytes);
  }
  return at == stop ? count : -1;
}

std::int64_t find(const std::uint8_t* data, const std::int64_t* starts, const std::int64_t* stops, std::size_t runs,
                  Finger* out) {
  std::int64_t found = 0;
  for (std::size_t run = 0; run < runs; ++run) {
    const std::int64_t number = static_cast<std::int64_t>(run);
    const std::int64_t count = find_in(data, starts[run], stops[run], number, out + found);
    if (count < 0) return -1 - number;
    found += count;
  }
  return found;
}

bool whole(const std::uint8_t* data, std::size_t size, std::int64_t minutiae, std::int64_t cylinders) {
  return finger_bytes(data, size) != 0 && data[0] == minutiae && data[1] == cylinders;
}

void unpack(const std::uint8_t* data, std::int64_t minutiae, std::int64_t cylinders, std::uint64_t* words) {
  const std::uint8_t* masks = data + 8 * (1 + minutiae);
  const std::uint8_t* bytes = masks + mask_bytes * cylinders;
  std::memcpy(words, data, static_cast<std::size_t>(8 * (1 + minutiae)));
  for (std::int64_t cylinder = 0; cylinder < cylinders; ++cylinder) {
    std::uint8_t code[8 * code_words] = {};
    for (std::uint64_t mask = mask_at(masks + mask_bytes * cylinder); mask; mask &= mask - 1)
      code[std::countr_zero(mask)] = *bytes++;
    for (int word = 0; word < code_words; ++word)
      std::memcpy(words + 1 + minutiae + word * cylinders + cylinder, code + 8 * word, 8);
  }
}

}  // namespace cccd::unpacking
