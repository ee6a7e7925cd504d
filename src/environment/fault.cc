#include "environment/fault.h"

#include <algorithm>
#include <csignal>

namespace hearth::environment {
namespace {

std::string json(const std::string& error_type, const std::string& message) {
  return R"({"errorType":")" + error_type + R"(","errorMessage":")" + message + R"("})";
}

// AWS prints signals as Go names them.
std::string signal_name(int signal) {
  switch (signal) {
    case SIGHUP:
      return "hangup";
    case SIGINT:
      return "interrupt";
    case SIGQUIT:
      return "quit";
    case SIGILL:
      return "illegal instruction";
    case SIGTRAP:
      return "trace/breakpoint trap";
    case SIGABRT:
      return "aborted";
    case SIGBUS:
      return "bus error";
    case SIGFPE:
      return "floating point exception";
    case SIGKILL:
      return "killed";
    case SIGUSR1:
      return "user defined signal 1";
    case SIGSEGV:
      return "segmentation fault";
    case SIGUSR2:
      return "user defined signal 2";
    case SIGPIPE:
      return "broken pipe";
    case SIGALRM:
      return "alarm clock";
    case SIGTERM:
      return "terminated";
    case SIGXCPU:
      return "CPU time limit exceeded";
    case SIGXFSZ:
      return "file size limit exceeded";
    case SIGSYS:
      return "bad system call";
    default:
      return "signal " + std::to_string(signal);
  }
}

Fault fault(const std::string& error_type, const std::string& request_id, const std::string& reason) {
  return {error_type, reason, json(error_type, "RequestId: " + request_id + " Error: " + reason)};
}

}  // namespace

Fault exit_fault(const std::string& request_id, const sandbox::Exit& exit) {
  if (exit.oom_killed) return fault("Runtime.OutOfMemory", request_id, "Runtime exited with error: signal: killed");
  if (exit.signal != 0) {
    return fault("Runtime.ExitError", request_id, "Runtime exited with error: signal: " + signal_name(exit.signal));
  }
  if (exit.code != 0) {
    return fault("Runtime.ExitError", request_id,
                 "Runtime exited with error: exit status " + std::to_string(exit.code));
  }
  return fault("Runtime.ExitError", request_id, "Runtime exited without providing a reason");
}

Fault timeout_fault(const std::string& request_id, std::uint32_t timeout_s) {
  return fault("Sandbox.Timedout", request_id, "Task timed out after " + std::to_string(timeout_s) + ".00 seconds");
}

Fault response_too_large_fault() {
  return {"Function.ResponseSizeTooLarge",
          {},
          R"({"errorMessage":"Response payload size exceeded maximum allowed payload size ()" +
              std::to_string(kMaxPayload) + R"( bytes).","errorType":"Function.ResponseSizeTooLarge"})"};
}

Fault no_entry_point_fault(const std::string& request_id, const std::string& reason) {
  return fault("Runtime.InvalidEntrypoint", request_id, reason);
}

Fault invalid_response_mode_fault(const std::string& request_id) {
  return fault("Runtime.InvalidResponseModeHeader", request_id, "Invalid function response mode");
}

std::string reported_error_type(std::string_view given) {
  const bool known_family = given.starts_with("Runtime.") || given.starts_with("Function.");
  const bool plain = std::all_of(given.begin(), given.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
  });
  return known_family && plain && given.size() <= 100 ? std::string(given) : "Runtime.Unknown";
}

}  // namespace hearth::environment
