#pragma once
// Settings: the configuration members of CreateFunction and UpdateFunctionConfiguration, and what becomes of each.
//
// Every member works, or is refused by name. Refused are those whose engine is not there: a reference into a service
// that is not there is answered as AWS answers a reference to something that does not exist (no subnet or
// signing configuration exists here), the others with a sentence that names the member. Values that mean "none" or
// AWS's default are accepted everywhere, since tools send them. README.md has the table.
//
// Tests: settings_test.cc

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "functions/function.h"
#include "services/request_context.h"
#include "wire/generated/lambda.h"

namespace hearth::services::lambda {

// Absent: as it was, or AWS's default for a new function.
struct Settings {
  std::optional<std::string> runtime;
  std::optional<std::string> handler;
  std::optional<std::string> role;
  std::optional<std::string> description;
  std::optional<std::int32_t> memory_mib;
  std::optional<std::int32_t> timeout_s;
  std::optional<std::int32_t> ephemeral_mib;
  std::optional<std::map<std::string, std::string>> environment;
  std::optional<std::string> architecture;
  std::optional<wire::lambda::LoggingConfig> logging;
  std::optional<std::vector<std::string>> layers;  // ARNs, which LayerShelf::resolve() looks up; apply() does nothing
};

// Errors: ErrorKind::kInvalidParameter, kNotFound, kCodeSigningConfigNotFound.
Result<Settings> read_settings(const wire::lambda::CreateFunctionRequest& request);
Result<Settings> read_settings(const wire::lambda::UpdateFunctionConfigurationRequest& request);

void apply(const Settings& settings, functions::FunctionVersion& function);

// The package of a request: ZipFile. Errors: ErrorKind::kInvalidParameter (none, or S3 or an image, with AWS's words).
Result<std::string> take_package(wire::lambda::FunctionCode& code);
Result<std::string> take_package(wire::lambda::UpdateFunctionCodeRequest& request);
Result<std::string> take_package(wire::lambda::LayerVersionContentInput& content);
// PublishTo of UpdateFunctionCode: refused.
Status check_publish_to(const wire::lambda::UpdateFunctionCodeRequest& request);

// Variables as AWS checks them: 4 KB in all as JSON, no reserved names. Errors: ErrorKind::kInvalidParameter.
Status check_environment(const std::map<std::string, std::string>& variables);
// Tags of a function in all: 50, without "aws:" names. Errors: ErrorKind::kInvalidParameter.
Status check_tags(const std::map<std::string, std::string>& tags);

}  // namespace hearth::services::lambda
