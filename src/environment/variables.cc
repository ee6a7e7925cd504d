#include "environment/variables.h"

#include <locale.h>

#include <clocale>
#include <map>
#include <utility>

namespace hearth::environment {

std::string host_locale() {
  constexpr const char* kAws = "en_US.UTF-8";
  const ::locale_t locale = ::newlocale(LC_ALL_MASK, kAws, nullptr);
  if (locale == nullptr) return "C.UTF-8";
  ::freelocale(locale);
  return kAws;
}

std::vector<std::string> variables(const VariableInputs& inputs) {
  const functions::FunctionVersion& function = inputs.function;
  std::map<std::string, std::string> all = {
      {"LANG", inputs.locale},
      {"TZ", ":UTC"},
      {"PATH", "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"},
      {"LD_LIBRARY_PATH",
       "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"},
      {"PWD", "/var/task"},
      {"AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR"},
      {"AWS_XRAY_DAEMON_ADDRESS", "169.254.79.129:2000"},
      {"_AWS_XRAY_DAEMON_ADDRESS", "169.254.79.129"},
      {"_AWS_XRAY_DAEMON_PORT", "2000"},
      {"AWS_ENDPOINT_URL", "http://127.0.0.1:80"},
      {"AWS_CA_BUNDLE", kTrustBundleInside},
      {"SSL_CERT_FILE", kTrustBundleInside},
      {"REQUESTS_CA_BUNDLE", kTrustBundleInside},
  };
  for (const std::string& setting : inputs.runtime.env) {
    const std::size_t equals = setting.find('=');
    if (equals != std::string::npos) all[setting.substr(0, equals)] = setting.substr(equals + 1);
  }
  const auto execution_env = all.find("AWS_EXECUTION_ENV");
  const std::string kept_execution_env = execution_env == all.end() ? std::string() : execution_env->second;

  for (const auto& [name, value] : function.environment) all[name] = value;

  const std::pair<const char*, std::string> reserved[] = {
      {"_HANDLER", function.handler},
      {"AWS_REGION", function.key.region},
      {"AWS_DEFAULT_REGION", function.key.region},
      {"AWS_LAMBDA_FUNCTION_NAME", function.key.name},
      {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", std::to_string(function.memory_mib)},
      {"AWS_LAMBDA_FUNCTION_VERSION", function.version},
      {"AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"},
      {"AWS_LAMBDA_LOG_GROUP_NAME", function.log_group},
      {"AWS_LAMBDA_LOG_STREAM_NAME", inputs.log_stream},
      {"AWS_LAMBDA_LOG_FORMAT", function.log_format},
      {"AWS_LAMBDA_LOG_LEVEL", function.application_log_level},
      {"AWS_ACCESS_KEY_ID", inputs.credentials.access_key_id},
      {"AWS_SECRET_ACCESS_KEY", inputs.credentials.secret_access_key},
      {"AWS_SESSION_TOKEN", inputs.credentials.session_token},
      {"AWS_EXECUTION_ENV", kept_execution_env},
      {"AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"},
      {"_LAMBDA_TELEMETRY_LOG_FD", "3"},
      {"LAMBDA_TASK_ROOT", "/var/task"},
      {"LAMBDA_RUNTIME_DIR", "/var/runtime"},
  };
  for (const auto& [name, value] : reserved) {
    if (value.empty()) {
      all.erase(name);
    } else {
      all[name] = value;
    }
  }

  std::vector<std::string> list;
  list.reserve(all.size());
  for (const auto& [name, value] : all) {
    std::string setting = name + "=" + value;
    setting.resize(setting.find('\0') == std::string::npos ? setting.size() : setting.find('\0'));
    list.push_back(std::move(setting));
  }
  return list;
}

}  // namespace hearth::environment
