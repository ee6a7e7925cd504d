#pragma once
// Fault: a function's error that its runtime did not report itself: it died, took too long, or answered too much.
// Worded as AWS words them. Tests: fault_test.cc

#include <cstdint>
#include <string>
#include <string_view>

#include "sandbox/sandbox.h"

namespace hearth::environment {

struct Fault {
  std::string error_type;  // "Runtime.ExitError"
  std::string reason;      // "Runtime exited with error: exit status 1"; empty if `payload` says it all
  std::string payload;     // the error as the caller sees it

  std::string log_error_type() const { return error_type == "Runtime.OutOfMemory" ? "Runtime.ExitError" : error_type; }
};

inline constexpr std::size_t kMaxPayload = 6'291'556;  // of events and answers, as AWS

Fault exit_fault(const std::string& request_id, const sandbox::Exit& exit);
Fault timeout_fault(const std::string& request_id, std::uint32_t timeout_s);
Fault response_too_large_fault();
// The provided runtime found nothing to start.
Fault no_entry_point_fault(const std::string& request_id, const std::string& reason);
// The runtime answered in a mode that does not exist.
Fault invalid_response_mode_fault(const std::string& request_id);

// What a runtime may report about itself as an error type: "Runtime.*" and "Function.*" pass, others become
// "Runtime.Unknown" as on AWS; an empty one too.
std::string reported_error_type(std::string_view given);

}  // namespace hearth::environment
