#include "environment/platform_lines.h"

#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <ctime>

namespace hearth::environment {
namespace {

[[gnu::format(printf, 1, 2)]] std::string print(const char* format, ...) {
  char buffer[1024];
  std::va_list arguments;
  va_start(arguments, format);
  const int length = std::vsnprintf(buffer, sizeof(buffer), format, arguments);
  va_end(arguments);
  return {buffer, std::min(static_cast<std::size_t>(std::max(length, 0)), sizeof(buffer) - 1)};
}

std::tm utc(TimePoint at) {
  const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return parts;
}

std::string json_event(TimePoint now, const char* type, const std::string& record) {
  return R"({"time":")" + iso_time(now) + R"(","type":")" + type + R"(","record":{)" + record + "}}";
}

std::string json_ending(const Ending& ending) {
  std::string members = R"(,"status":")" + (ending.status.empty() ? std::string("success") : ending.status) + '"';
  if (!ending.error_type.empty()) members += R"(,"errorType":")" + ending.error_type + '"';
  return members;
}

std::string text_ending(const Ending& ending) {
  if (ending.status.empty()) return {};
  std::string text = "Status: " + ending.status;
  if (!ending.error_type.empty()) text += "\tError Type: " + ending.error_type;
  return text;
}

const char* name(Phase phase) { return phase == Phase::kInit ? "init" : "invoke"; }

}  // namespace

std::string iso_time(TimePoint at) {
  const std::tm parts = utc(at);
  const auto millis = (at - std::chrono::floor<std::chrono::seconds>(at)).count();
  return print("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
               parts.tm_hour, parts.tm_min, parts.tm_sec, static_cast<int>(millis));
}

std::string log_stream_name(TimePoint now, const std::string& version, const std::string& hex) {
  const std::tm parts = utc(now);
  return print("%04d/%02d/%02d/[", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday) + version + "]" + hex;
}

std::int64_t billed_ms(const InvokeReport& report) {
  const double total = report.duration.count() + (report.init_duration ? report.init_duration->count() : 0.0);
  // What is printed has two decimals; so has what is rounded up.
  return static_cast<std::int64_t>(std::ceil(std::round(total * 100) / 100));
}

std::string PlatformLines::init_start(TimePoint now, const std::string& runtime_version,
                                      const std::string& runtime_version_arn) const {
  if (format_ == LineFormat::kJson) {
    return json_event(now, "platform.initStart",
                      R"("initializationType":"on-demand","phase":"init","runtimeVersion":")" + runtime_version +
                          R"(","runtimeVersionArn":")" + runtime_version_arn + R"(","functionName":")" +
                          function_name_ + R"(","functionVersion":")" + version_ + '"');
  }
  return "INIT_START Runtime Version: " + runtime_version + "\tRuntime Version ARN: " + runtime_version_arn;
}

std::string PlatformLines::init_report(TimePoint now, Milliseconds duration, Phase phase, const Ending& ending) const {
  if (format_ == LineFormat::kJson) {
    return json_event(now, "platform.initReport",
                      print(R"("initializationType":"on-demand","phase":"%s","metrics":{"durationMs":%.3f})",
                            name(phase), duration.count()) +
                          json_ending(ending));
  }
  return print("INIT_REPORT Init Duration: %.2f ms\tPhase: %s\t", duration.count(), name(phase)) + text_ending(ending);
}

std::string PlatformLines::start(TimePoint now, const std::string& request_id) const {
  if (format_ == LineFormat::kJson) {
    return json_event(now, "platform.start", R"("requestId":")" + request_id + R"(","version":")" + version_ + '"');
  }
  return "START RequestId: " + request_id + " Version: " + version_;
}

std::string PlatformLines::timed_out(TimePoint now, const std::string& request_id, std::uint32_t timeout_s) const {
  if (format_ == LineFormat::kJson) return {};
  return iso_time(now) + ' ' + request_id + print(" Task timed out after %u.00 seconds\n", timeout_s);
}

std::string PlatformLines::failed(const std::string& request_id, const std::string& reason,
                                  const std::string& error_type) const {
  if (format_ == LineFormat::kJson) return {};
  return "RequestId: " + request_id + " Error: " + reason + '\n' + error_type;
}

std::string PlatformLines::end(const std::string& request_id) const {
  if (format_ == LineFormat::kJson) return {};
  return "END RequestId: " + request_id;
}

std::string PlatformLines::report(TimePoint now, const std::string& request_id, const InvokeReport& report) const {
  const auto billed = static_cast<long long>(billed_ms(report));
  if (format_ == LineFormat::kJson) {
    std::string metrics =
        print(R"("metrics":{"durationMs":%.3f,"billedDurationMs":%lld,"memorySizeMB":%u,"maxMemoryUsedMB":%u)",
              report.duration.count(), billed, report.memory_mib, report.max_memory_used_mib);
    if (report.init_duration) metrics += print(R"(,"initDurationMs":%.3f)", report.init_duration->count());
    return json_event(now, "platform.report",
                      R"("requestId":")" + request_id + R"(",)" + metrics + '}' + json_ending(report.ending));
  }
  std::string line = "REPORT RequestId: ";
  line += request_id;
  line += print("\tDuration: %.2f ms\tBilled Duration: %lld ms\tMemory Size: %u MB\tMax Memory Used: %u MB\t",
                report.duration.count(), billed, report.memory_mib, report.max_memory_used_mib);
  if (report.init_duration) line += print("Init Duration: %.2f ms\t", report.init_duration->count());
  return line + text_ending(report.ending);
}

}  // namespace hearth::environment
