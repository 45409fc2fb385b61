// Which instruction set runs: asked of the CPU once, at the first call, never in a static initialiser.
#pragma once
#include <string>
#include <vector>

namespace cccd {

enum class Level : int { serial = 0, avx2 = 1, avx512 = 2 };

// The levels that were compiled in and that this CPU (and its operating system) can run, lowest first.
std::vector<Level> available_levels();
const char* level_name(Level level);
// Throws std::invalid_argument for a name that is unknown or that this CPU cannot run.
Level parse_level(const std::string& name);

}  // namespace cccd
