#include "services/lambda/render.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "base/bytes.h"
#include "base/check.h"
#include "services/lambda/names.h"

namespace hearth::services::lambda {
namespace {

namespace api = wire::lambda;

std::string_view state_name(functions::State state) {
  switch (state) {
    case functions::State::kPending:
      return api::kStatePending;
    case functions::State::kActive:
      return api::kStateActive;
    case functions::State::kInactive:
      return api::kStateInactive;
    case functions::State::kFailed:
      return api::kStateFailed;
  }
  check_failed("a known State", "");
}

std::string_view status_name(functions::UpdateStatus status) {
  switch (status) {
    case functions::UpdateStatus::kNone:
      return "";
    case functions::UpdateStatus::kInProgress:
      return api::kLastUpdateStatusInProgress;
    case functions::UpdateStatus::kSuccessful:
      return api::kLastUpdateStatusSuccessful;
    case functions::UpdateStatus::kFailed:
      return api::kLastUpdateStatusFailed;
  }
  check_failed("a known UpdateStatus", "");
}

std::optional<std::string> unless_empty(std::string_view text) {
  return text.empty() ? std::nullopt : std::optional<std::string>(text);
}

void render_state(const functions::FunctionVersion& function, api::FunctionConfiguration& shown) {
  shown.state = state_name(function.state);
  shown.state_reason = unless_empty(function.state_reason);
  shown.state_reason_code = unless_empty(function.state_reason_code);
  shown.last_update_status = unless_empty(status_name(function.update_status));
  shown.last_update_status_reason = unless_empty(function.update_reason);
  shown.last_update_status_reason_code = unless_empty(function.update_reason_code);
  shown.runtime_version_config =
      api::RuntimeVersionConfig{.runtime_version_arn = runtime_version_arn(function), .error = {}};
}

}  // namespace

std::string date_text(TimePoint time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto millis = (time - seconds).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}+0000", fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)),
                     millis);
}

std::string runtime_version_arn(const functions::FunctionVersion& function) {
  return fmt::format("arn:{}:lambda:{}::runtime:{}", partition_of(function.key.region), function.key.region,
                     hex_encode(sha256(function.runtime)));
}

api::FunctionConfiguration render(const functions::FunctionVersion& function, std::string_view qualifier,
                                  ShownState state) {
  api::FunctionConfiguration shown;
  shown.function_name = function.key.name;
  shown.function_arn = qualifier.empty() ? function.arn : fmt::format("{}:{}", function.arn, qualifier);
  shown.runtime = function.runtime;
  shown.role = function.role;
  shown.handler = function.handler;
  shown.code_size = static_cast<std::int64_t>(function.code.size_bytes);
  shown.description = function.description;
  shown.timeout = static_cast<std::int32_t>(function.timeout_s);
  shown.memory_size = static_cast<std::int32_t>(function.memory_mib);
  shown.last_modified = date_text(function.last_modified);
  shown.code_sha256 = function.code.sha256_base64;
  shown.version = function.version;
  if (!function.lost_environment.empty()) {
    shown.environment = api::EnvironmentResponse{
        .variables = {},
        .error = api::EnvironmentError{.error_code = std::string(api::kKMSNotFoundException.code),
                                       .message = std::string(functions::kLostKeyReason)}};
  } else if (function.has_environment) {
    shown.environment = api::EnvironmentResponse{.variables = function.environment, .error = {}};
  }
  shown.tracing_config = api::TracingConfigResponse{.mode = function.tracing_mode};
  shown.revision_id = function.revision_id;
  shown.package_type = api::kPackageTypeZip;
  shown.architectures = std::vector<std::string>{function.architecture};
  shown.ephemeral_storage = api::EphemeralStorage{.size = static_cast<std::int32_t>(function.ephemeral_mib)};
  shown.snap_start = api::SnapStartResponse{.apply_on = std::string(api::kSnapStartApplyOnNone),
                                            .optimization_status = std::string(api::kSnapStartOptimizationStatusOff)};
  shown.logging_config = api::LoggingConfig{.log_format = function.log_format,
                                            .application_log_level = unless_empty(function.application_log_level),
                                            .system_log_level = unless_empty(function.system_log_level),
                                            .log_group = function.log_group};
  for (const functions::LayerUse& layer : function.layers) {
    if (!shown.layers) shown.layers.emplace();
    shown.layers->push_back({.arn = layer.arn,
                             .code_size = static_cast<std::int64_t>(layer.package.size_bytes),
                             .signing_profile_version_arn = {},
                             .signing_job_arn = {}});
  }
  if (state == ShownState::kShown) render_state(function, shown);
  return shown;
}

api::AliasConfiguration render(const functions::Alias& alias, const std::string& function_arn) {
  api::AliasConfiguration shown;
  shown.alias_arn = fmt::format("{}:{}", function_arn, alias.name);
  shown.name = alias.name;
  shown.function_version = alias.version;
  shown.description = alias.description;
  if (!alias.weights.empty()) shown.routing_config = api::AliasRoutingConfiguration{alias.weights};
  shown.revision_id = alias.revision_id;
  return shown;
}

}  // namespace hearth::services::lambda
