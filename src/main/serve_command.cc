#include "main/serve_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

#include "base/bytes.h"
#include "main/data_access.h"
#include "main/descriptor_limit.h"
#include "main/isolation.h"
#include "main/server.h"
#include "main/supervisor.h"
#include "storage/error_kind.h"
#include "storage/key_file.h"

namespace hearth::main {
namespace {

constexpr std::size_t kPrefixDigits = 8;

// The launcher lies beside this program.
Result<std::string> launcher_path() {
  std::array<char, PATH_MAX> buffer{};
  const ssize_t size = ::readlink("/proc/self/exe", buffer.data(), buffer.size());
  if (size <= 0) return fail(CommandError::kSystem, fmt::format("/proc/self/exe: {}", std::strerror(errno)));
  const std::string self(buffer.data(), static_cast<std::size_t>(size));
  return self.substr(0, self.rfind('/')) + "/hearth-launcher";
}

// While still root where the server is started by root: its own user needs no access to the file.
Result<storage::KeyFile> open_keys(const config::Config& config) {
  auto opened = storage::open_key_file(config.key_file, storage::FileSystem());
  if (!opened && opened.error().is(storage::ErrorKind::kUnavailable)) {
    return fail(CommandError::kSystem,
                fmt::format("{}; name another place for the key file with --key-file", opened.error().message()));
  }
  return opened;
}

Result<int> serve(const config::Loaded& settings) {
  raise_descriptor_limit();  // inherited by the server and the launcher
  TRY(const OpenedFolder opened, open_folder(settings.config));
  SupervisorOptions options;
  options.user = opened.user;
  TRY(options.launcher_path, launcher_path());
  // Two servers on one machine have two data folders, hence two names for their cgroups.
  const std::string digits = hex_encode(sha256(opened.folder.root())).substr(0, kPrefixDigits);
  TRY(ChosenIsolation isolation, choose_isolation(settings.config, options, opened.folder.root()));
  options.launcher = isolation.launcher;
  options.launcher_arguments = {"--prefix", digits, "--source-root", opened.folder.root()};
  options.launcher_arguments.insert(options.launcher_arguments.end(), isolation.launcher_arguments.begin(),
                                    isolation.launcher_arguments.end());
  config::Loaded noted = settings;
  noted.warnings.insert(noted.warnings.end(), isolation.notes.begin(), isolation.notes.end());
  TRY(const storage::KeyFile key_file, open_keys(settings.config));
  if (key_file.is_new) {
    noted.warnings.push_back(
        fmt::format("{} is new: it holds the key that environment variables are encrypted with; keep a copy of it "
                    "apart from copies "
                    "of the data folder",
                    settings.config.key_file));
  }
  Server server(noted, opened.folder, key_file.keys, isolation.tier);
  return supervise(options, server);
}

}  // namespace

int serve_command(const config::Loaded& settings) {
  const auto status = serve(settings);
  return status ? *status : report(status.error());
}

}  // namespace hearth::main
