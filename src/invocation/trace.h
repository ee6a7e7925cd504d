#pragma once
// Trace: the X-Ray header of an invocation: as given, completed, or made here. Tests: trace_test.cc

#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace hearth::invocation {

// Numbers traces. They name, they do not protect: a fast generator, seeded once by the kernel, is enough.
class TraceSource {
 public:
  TraceSource();
  // The header that the function sees: `given` with what it lacks of Root, Parent and Sampled.
  std::string header(std::string_view given, TimePoint now);

 private:
  std::string hex(std::size_t digits);
  std::mt19937_64 random_;
};

}  // namespace hearth::invocation
