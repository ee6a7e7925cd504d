#include "runtime_api/router.h"

namespace hearth::runtime_api {
namespace {

constexpr std::string_view kVersion = "/2018-06-01/runtime/";

struct Row {
  std::string_view method;
  std::string_view before_id;  // the whole path if there is no id in it
  std::string_view after_id;
  Call call;
};
constexpr Row kRoutes[] = {
    {"GET", "invocation/next", "", Call::kNext},
    {"POST", "invocation/", "/response", Call::kResponse},
    {"POST", "invocation/", "/error", Call::kError},
    {"POST", "init/error", "", Call::kInitError},
};

}  // namespace

Route route(std::string_view method, std::string_view target) {
  std::string_view path = target.substr(0, target.find('?'));
  if (!path.starts_with(kVersion)) return {};
  path.remove_prefix(kVersion.size());
  for (const Row& row : kRoutes) {
    std::string_view id;
    if (row.after_id.empty()) {
      if (path != row.before_id) continue;
    } else {
      if (path.size() <= row.before_id.size() + row.after_id.size()) continue;
      if (!path.starts_with(row.before_id) || !path.ends_with(row.after_id)) continue;
      id = path.substr(row.before_id.size(), path.size() - row.before_id.size() - row.after_id.size());
      if (id.find('/') != std::string_view::npos) continue;
    }
    return {method == row.method ? row.call : Call::kWrongMethod, id};
  }
  return {};
}

}  // namespace hearth::runtime_api
