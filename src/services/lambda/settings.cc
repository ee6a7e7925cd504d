#include "services/lambda/settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "services/lambda/errors.h"

namespace hearth::services::lambda {
namespace {

namespace api = wire::lambda;
namespace json = boost::json;

constexpr std::size_t kLargestEnvironment = 4096;  // Lambda quotas: environment variables
constexpr std::size_t kMostTags = 50;

// Lambda's documentation of defined runtime environment variables, "reserved".
constexpr std::array<std::string_view, 19> kReservedVariables = {"_HANDLER",
                                                                 "_X_AMZN_TRACE_ID",
                                                                 "AWS_DEFAULT_REGION",
                                                                 "AWS_REGION",
                                                                 "AWS_EXECUTION_ENV",
                                                                 "AWS_LAMBDA_FUNCTION_NAME",
                                                                 "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
                                                                 "AWS_LAMBDA_FUNCTION_VERSION",
                                                                 "AWS_LAMBDA_INITIALIZATION_TYPE",
                                                                 "AWS_LAMBDA_LOG_GROUP_NAME",
                                                                 "AWS_LAMBDA_LOG_STREAM_NAME",
                                                                 "AWS_ACCESS_KEY",
                                                                 "AWS_ACCESS_KEY_ID",
                                                                 "AWS_SECRET_ACCESS_KEY",
                                                                 "AWS_SESSION_TOKEN",
                                                                 "AWS_SECURITY_TOKEN",
                                                                 "AWS_LAMBDA_RUNTIME_API",
                                                                 "LAMBDA_TASK_ROOT",
                                                                 "LAMBDA_RUNTIME_DIR"};

std::unexpected<Error> invalid(std::string message) { return fail(ErrorKind::kInvalidParameter, std::move(message)); }
std::unexpected<Error> unsupported(std::string_view member, std::string_view instead) {
  return invalid(fmt::format("{} is not supported by this server yet. {}", member, instead));
}

template <class T>
bool has_any(const std::optional<std::vector<T>>& list) {
  return list && !list->empty();
}
bool has_text(const std::optional<std::string>& text) { return text && !text->empty(); }

Status check_vpc(const std::optional<api::VpcConfig>& vpc) {
  if (!vpc) return {};
  if (has_any(vpc->subnet_ids)) {
    const auto& ids = *vpc->subnet_ids;
    return invalid(fmt::format(
        "Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound. EC2 Error Message: "
        "The subnet ID{} '{}' do{} not exist",
        ids.size() > 1 ? "s" : "", fmt::join(ids, ", "), ids.size() > 1 ? "" : "es"));
  }
  if (has_any(vpc->security_group_ids)) {
    return invalid(fmt::format(
        "Error occurred while DescribeSecurityGroups. EC2 Error Code: InvalidGroup.NotFound. EC2 Error Message: "
        "The security group '{}' does not exist",
        vpc->security_group_ids->front()));
  }
  return {};
}

// Members that both requests have.
template <class Request>
Result<Settings> read_common(const Request& request) {
  TRY_STATUS(check_vpc(request.vpc_config));
  if (request.dead_letter_config && has_text(request.dead_letter_config->target_arn)) {
    return unsupported("DeadLetterConfig", "Leave it out.");
  }
  if (has_text(request.kms_key_arn))
    return unsupported("KMSKeyArn", "Leave it out: variables are kept in the data folder as they are.");
  if (request.tracing_config && request.tracing_config->mode.value_or("") == api::kTracingModeActive) {
    return unsupported("TracingConfig with Mode Active", "Use PassThrough.");
  }
  if (has_any(request.file_system_configs)) return unsupported("FileSystemConfigs", "Leave it out.");
  if (request.image_config && (has_any(request.image_config->entry_point) || has_any(request.image_config->command) ||
                               has_text(request.image_config->working_directory))) {
    return unsupported("ImageConfig", "Container images cannot be run yet.");
  }
  if (request.snap_start && request.snap_start->apply_on.value_or("") == api::kSnapStartApplyOnPublishedVersions) {
    return unsupported("SnapStart with ApplyOn PublishedVersions", "Use None.");
  }
  if (request.capacity_provider_config) return unsupported("CapacityProviderConfig", "Leave it out.");
  if (request.durable_config) return unsupported("DurableConfig", "Leave it out.");
  if (request.environment && request.environment->variables)
    TRY_STATUS(check_environment(*request.environment->variables));

  Settings settings;
  settings.runtime = request.runtime;
  settings.handler = request.handler;
  settings.description = request.description;
  settings.memory_mib = request.memory_size;
  settings.timeout_s = request.timeout;
  if (request.ephemeral_storage) settings.ephemeral_mib = request.ephemeral_storage->size;
  if (request.environment)
    settings.environment = request.environment->variables.value_or(std::map<std::string, std::string>());
  settings.layers = request.layers;
  settings.logging = request.logging_config;
  if (settings.logging && settings.logging->log_format.value_or("") == api::kLogFormatText &&
      (settings.logging->application_log_level || settings.logging->system_log_level)) {
    return invalid("To configure log levels, set LogFormat to JSON.");
  }
  return settings;
}

std::unexpected<Error> no_bucket() {
  return invalid(
      "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The specified bucket does not "
      "exist");
}

// The same members of FunctionCode, UpdateFunctionCodeRequest and LayerVersionContentInput.
template <class Code>
Result<std::string> take_zip(Code& code) {
  if constexpr (requires { code.image_uri; }) {
    if (has_text(code.image_uri)) return unsupported("ImageUri", "Container images cannot be run yet; give a ZipFile.");
    if (has_text(code.source_kms_key_arn)) return unsupported("SourceKMSKeyArn", "Leave it out.");
  }
  if (code.s3_bucket || code.s3_key || code.s3_object_version) {
    if (code.zip_file) return invalid("Please do not provide other FunctionCode parameters when providing a ZipFile.");
    return no_bucket();  // no bucket exists here
  }
  if (!code.zip_file) return invalid("Please provide a source for function code.");
  return *std::move(code.zip_file);
}

}  // namespace

Result<Settings> read_settings(const api::CreateFunctionRequest& request) {
  if (request.package_type.value_or(std::string(api::kPackageTypeZip)) != api::kPackageTypeZip) {
    return unsupported("PackageType Image", "Container images cannot be run yet; use Zip.");
  }
  if (!request.runtime || !request.handler) {
    return invalid("Runtime and Handler are mandatory parameters for functions created with deployment packages.");
  }
  if (request.publish_to) return unsupported("PublishTo", "Leave it out.");
  if (request.tenancy_config) return unsupported("TenancyConfig", "Leave it out.");
  if (request.code_signing_config_arn) {
    return fail(ErrorKind::kCodeSigningConfigNotFound,
                fmt::format("The code signing configuration cannot be found. Check that the provided code signing "
                            "configuration is not deleted: {}.",
                            *request.code_signing_config_arn));
  }
  TRY(Settings settings, read_common(request));
  settings.role = request.role;
  if (has_any(request.architectures)) settings.architecture = request.architectures->front();
  if (request.tags) TRY_STATUS(check_tags(*request.tags));
  return settings;
}

Result<Settings> read_settings(const api::UpdateFunctionConfigurationRequest& request) {
  TRY(Settings settings, read_common(request));
  settings.role = request.role;
  return settings;
}

void apply(const Settings& settings, functions::FunctionVersion& function) {
  if (settings.runtime) function.runtime = *settings.runtime;
  if (settings.handler) function.handler = *settings.handler;
  if (settings.role) function.role = *settings.role;
  if (settings.description) function.description = *settings.description;
  if (settings.memory_mib) function.memory_mib = static_cast<std::uint32_t>(*settings.memory_mib);
  if (settings.timeout_s) function.timeout_s = static_cast<std::uint32_t>(*settings.timeout_s);
  if (settings.ephemeral_mib) function.ephemeral_mib = static_cast<std::uint32_t>(*settings.ephemeral_mib);
  if (settings.architecture) function.architecture = *settings.architecture;
  if (settings.environment) {
    function.environment = *settings.environment;
    function.lost_environment.clear();
    function.has_environment = true;
  }
  if (settings.logging) {
    const api::LoggingConfig& logging = *settings.logging;
    if (logging.log_group) function.log_group = *logging.log_group;
    if (logging.log_format) function.log_format = *logging.log_format;
    const bool json = function.log_format == api::kLogFormatJson;
    const auto level = [&](const std::optional<std::string>& given, const std::string& former) {
      return !json ? std::string() : given ? *given : former.empty() ? std::string("INFO") : former;
    };
    function.application_log_level = level(logging.application_log_level, function.application_log_level);
    function.system_log_level = level(logging.system_log_level, function.system_log_level);
  }
}

Result<std::string> take_package(api::FunctionCode& code) { return take_zip(code); }
Result<std::string> take_package(api::UpdateFunctionCodeRequest& request) { return take_zip(request); }
Result<std::string> take_package(api::LayerVersionContentInput& content) { return take_zip(content); }

Status check_publish_to(const api::UpdateFunctionCodeRequest& request) {
  if (request.publish_to) return unsupported("PublishTo", "Leave it out.");
  return {};
}

Status check_environment(const std::map<std::string, std::string>& variables) {
  json::object all;
  std::vector<std::string_view> reserved;
  for (const auto& [name, value] : variables) {
    all[name] = value;
    if (std::find(kReservedVariables.begin(), kReservedVariables.end(), name) != kReservedVariables.end())
      reserved.push_back(name);
  }
  if (!reserved.empty()) {
    return invalid(fmt::format(
        "Lambda was unable to configure your environment variables because the environment variables you have provided "
        "contains reserved keys that are currently not supported for modification. Reserved keys used in this request: "
        "{}",
        fmt::join(reserved, ", ")));
  }
  const std::string measured = json::serialize(all);
  if (measured.size() > kLargestEnvironment) {
    return invalid(fmt::format(
        "Lambda was unable to configure your environment variables because the environment variables you have provided "
        "exceeded the 4KB limit. String measured: {}",
        measured));
  }
  return {};
}

Status check_tags(const std::map<std::string, std::string>& tags) {
  if (tags.size() > kMostTags) return invalid("Number of tags exceeds resource tag limit.");
  for (const auto& [name, value] : tags) {
    if (name.empty() || name.size() > 128) return invalid("A tag's key must have 1 to 128 characters.");
    if (value.size() > 256) return invalid(fmt::format("The value of tag '{}' has more than 256 characters.", name));
    if (name.starts_with("aws:")) return invalid("aws: prefixed tag key names are not allowed for external use.");
  }
  return {};
}

}  // namespace hearth::services::lambda
