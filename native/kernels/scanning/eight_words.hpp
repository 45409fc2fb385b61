// Eight counts where there is no register for them.
#pragma once
#include <cstdint>

namespace cccd::scanning {

struct EightWords {
  std::uint64_t of[8];
};

}  // namespace cccd::scanning
