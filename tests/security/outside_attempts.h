#pragma once
// Attempts that begin outside a sandbox: requests that the launcher must refuse, and what must happen at its end.

#include <functional>
#include <string>
#include <vector>

namespace hearth::security {

class World;

struct OutsideAttempt {
  std::string name;
  std::function<std::string(World&)> run;  // "held" or "broke: how"
};
const std::vector<OutsideAttempt>& outside_attempts();

}  // namespace hearth::security
