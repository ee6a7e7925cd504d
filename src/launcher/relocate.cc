#include "launcher/relocate.h"

#include <algorithm>
#include <string_view>

namespace hearth::launcher {
namespace {

class Places {
 public:
  Places(const std::vector<Mount>& mounts, const std::string& tmp) : mounts_(mounts) {
    mounts_.push_back({.source = tmp, .destination = "/tmp"});
    std::ranges::sort(mounts_, std::ranges::greater(), [](const Mount& mount) { return mount.destination.size(); });
  }

  std::string path(std::string_view text) const {
    for (const Mount& mount : mounts_) {
      if (!text.starts_with(mount.destination)) continue;
      const std::string_view rest = text.substr(mount.destination.size());
      if (rest.empty() || rest.front() == '/') return mount.source + std::string(rest);
    }
    return std::string(text);
  }

  std::string list(std::string_view text) const {
    std::string out;
    for (;;) {
      const std::size_t colon = text.find(':');
      out += path(text.substr(0, colon));
      if (colon == std::string_view::npos) return out;
      out += ':';
      text.remove_prefix(colon + 1);
    }
  }

 private:
  std::vector<Mount> mounts_;
};

}  // namespace

CreateMessage relocate(CreateMessage request, const OwnPlaces& places) {
  const Places map(request.mounts, places.tmp);
  for (std::string& argument : request.argv) argument = map.path(argument);
  request.working_directory = map.path(request.working_directory);
  const std::string here = "127.0.0.1:";
  bool has_tmpdir = false;
  for (std::string& variable : request.env) {
    const std::size_t equals = variable.find('=');
    if (equals == std::string::npos) continue;
    const std::string_view name = std::string_view(variable).substr(0, equals);
    const std::string_view value = std::string_view(variable).substr(equals + 1);
    has_tmpdir = has_tmpdir || name == "TMPDIR";
    std::string moved;
    if (name == "AWS_LAMBDA_RUNTIME_API") {
      moved = here + std::to_string(places.runtime_api_port);
    } else if (name == "AWS_ENDPOINT_URL" && value == "http://127.0.0.1:80") {
      moved = "http://" + here + std::to_string(places.http_port);
    } else {
      moved = map.list(value);
    }
    variable.replace(equals + 1, std::string::npos, moved);
  }
  if (!has_tmpdir) request.env.push_back("TMPDIR=" + places.tmp);
  return request;
}

}  // namespace hearth::launcher
