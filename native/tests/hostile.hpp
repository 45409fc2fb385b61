// Seeded inputs in arrays of their exact size: on the heap, where the address sanitizer watches both ends, or before a
// page that nobody may touch, which catches also what the sanitizer does not see (masked loads and gathers).
#pragma once
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace hostile {

[[noreturn]] inline void stop(const char* what, double value) {
  std::fprintf(stderr, "%s is not what it must be: %g\n", what, value);
  std::exit(1);
}

struct Random {  // SplitMix64
  std::uint64_t state;
  std::uint64_t operator()() {
    std::uint64_t word = state += 0x9e3779b97f4a7c15;
    word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9;
    word = (word ^ word >> 27) * 0x94d049bb133111eb;
    return word ^ word >> 31;
  }
  std::uint64_t below(std::uint64_t n) { return (*this)() % n; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
};

template <typename T>
class Exact {
 public:
  Exact(const std::vector<T>& values, bool guarded) : bytes_(values.size() * sizeof(T)) {
    if (guarded) {
      const std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
      const std::size_t room = (bytes_ + page - 1) / page * page;
      mapped_ = room + page;
      base_ = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (base_ == MAP_FAILED || mprotect(static_cast<char*>(base_) + room, page, PROT_NONE) != 0) std::abort();
      data_ = reinterpret_cast<T*>(static_cast<char*>(base_) + room - bytes_);
    } else {
      base_ = std::malloc(bytes_);
      data_ = static_cast<T*>(base_);
    }
    if (bytes_) std::memcpy(data_, values.data(), bytes_);
  }
  ~Exact() { mapped_ ? static_cast<void>(munmap(base_, mapped_)) : std::free(base_); }
  Exact(const Exact&) = delete;
  Exact& operator=(const Exact&) = delete;

  T* data() { return data_; }
  void write(std::FILE* to) { std::fwrite(data_, 1, bytes_, to); }

 private:
  std::size_t bytes_, mapped_ = 0;
  void* base_;
  T* data_;
};

// The whole of a file of numbers.
template <typename T>
std::vector<T> read(const char* path) {
  std::FILE* from = std::fopen(path, "rb");
  if (!from) stop(path, 0);
  std::vector<T> values;
  for (T value; std::fread(&value, sizeof value, 1, from) == 1;) values.push_back(value);
  std::fclose(from);
  return values;
}

}  // namespace hostile
