#include "dispatch.hpp"

#include <stdexcept>

namespace cccd {

std::vector<Level> available_levels() {
  std::vector<Level> levels{Level::serial};
#ifdef CCCD_X86
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt") &&
      __builtin_cpu_supports("fma")) {
    levels.push_back(Level::avx2);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vpopcntdq") &&
        __builtin_cpu_supports("avx512vnni"))
      levels.push_back(Level::avx512);
  }
#endif
  return levels;
}

const char* level_name(Level level) {
  switch (level) {
    case Level::avx512: return "avx512";
    case Level::avx2: return "avx2";
    default: return "serial";
  }
}

Level parse_level(const std::string& name) {
  for (Level level : available_levels())
    if (name == level_name(level)) return level;
  throw std::invalid_argument("this CPU cannot run SIMD level '" + name + "', or there is no such level");
}

}  // namespace cccd
