#pragma once
// HEARTH_CHECK: a condition that only our own bug can break.
//
// It throws CheckFailed, which ends the one request that hit it with 500 (the gateway catches it at the edge and logs
// the message); nothing else in the code base catches it, and it is never used for what a caller can cause.

#include <source_location>
#include <stdexcept>
#include <string>

namespace hearth {

class CheckFailed : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

[[noreturn]] inline void check_failed(const char* condition, const std::string& detail,
                                      std::source_location where = std::source_location::current()) {
  throw CheckFailed(std::string(where.file_name()) + ":" + std::to_string(where.line()) +
                    ": check failed: " + condition + (detail.empty() ? "" : " (" + detail + ")"));
}

}  // namespace hearth

#define HEARTH_CHECK(condition, ...)                                                \
  do {                                                                              \
    if (!(condition)) ::hearth::check_failed(#condition, std::string(__VA_ARGS__)); \
  } while (false)
