#pragma once
// What the floor programs share: a clock, samples printed as one JSON line, and one way to give up.
//
// A floor program does the bare minimum of something Hearth does, without Hearth. Ratios are only worth something
// between two programs that ran in the same minute on the same machine.

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace floors {

inline std::uint64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

[[noreturn]] inline void give_up(std::string_view what, int error = errno) {
  fmt::print(stderr, "{}: {}\n", what, std::generic_category().message(error));
  std::exit(1);
}
[[noreturn]] inline void usage(std::string_view text) {
  fmt::print(stderr, "usage: {}\n", text);
  std::exit(2);
}

// Durations of one step.
class Samples {
 public:
  void add(std::uint64_t nanoseconds) { nanoseconds_.push_back(nanoseconds); }
  std::size_t count() const { return nanoseconds_.size(); }

  // {"name": ..., "count": ..., "min_us": ..., "p50_us": ..., "p99_us": ...} and `more`, members that begin with ", ".
  void print(std::string_view name, std::string_view more = "") {
    if (nanoseconds_.empty()) {
      fmt::print("{{\"name\": \"{}\", \"count\": 0{}}}\n", name, more);
    } else {
      std::sort(nanoseconds_.begin(), nanoseconds_.end());
      fmt::print("{{\"name\": \"{}\", \"count\": {}, \"min_us\": {:.1f}, \"p50_us\": {:.1f}, \"p99_us\": {:.1f}{}}}\n",
                 name, count(), at(0.0), at(0.5), at(0.99), more);
    }
    std::fflush(stdout);
  }

 private:
  double at(double share) const {
    const auto index = static_cast<std::size_t>(static_cast<double>(count()) * share);
    return static_cast<double>(nanoseconds_[std::min(index, count() - 1)]) / 1000.0;
  }

  std::vector<std::uint64_t> nanoseconds_;
};

}  // namespace floors
