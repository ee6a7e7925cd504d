// `hearth init`: a data folder with a first root key.

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "main/data_access.h"
#include "main/serve_command.h"
#include "main/supervisor.h"
#include "net/loop.h"
#include "observe/log.h"
#include "services/iam/service.h"
#include "storage/rocks_store.h"

namespace hearth::main {
namespace {

// The account of root keys made here, and of callers who name none.
constexpr const char* kRootAccount = "000000000000";
constexpr mode_t kOwnerOnly = 0600;

Result<services::iam::AccessKey> make_root_key(const storage::DataFolder& folder) {
  const SystemClock clock;
  const observe::Logger log(STDERR_FILENO, observe::Level::kWarn, observe::LogFormat::kText);
  net::Loop loop(clock);
  storage::RocksStoreOptions options;
  options.path = folder.db();
  TRY(const auto store, storage::RocksStore::open(options, loop, log));
  services::iam::Service iam(*store, clock);
  TRY_STATUS(iam.load());
  // Destroying the store writes what is unsynced.
  return iam.create_root_key(kRootAccount);
}

Status write_all(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail(CommandError::kSystem, fmt::format("{}: {}", path, std::strerror(errno)));
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(fd) != 0) return fail(CommandError::kSystem, fmt::format("{}: {}", path, std::strerror(errno)));
  return {};
}

Status init(const config::Loaded& settings) {
  TRY(const OpenedFolder opened, open_folder(settings.config));
  const std::string path = opened.folder.root() + "/root-key";
  // Opened while still root: the key belongs to who ran this, not to the server.
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kOwnerOnly));
  if (!file && errno == EEXIST) {
    return fail(CommandError::kExists,
                fmt::format("there is a root key already: {}; remove that file to make another", path));
  }
  if (!file) return fail(CommandError::kSystem, fmt::format("{}: {}", path, std::strerror(errno)));
  if (!drop_privileges(opened.user)) {
    return fail(CommandError::kSystem,
                fmt::format("cannot become user '{}': {}", opened.user.name, std::strerror(errno)));
  }
  TRY(const auto key, make_root_key(opened.folder));
  TRY_STATUS(write_all(
      file.get(), fmt::format("[hearth]\naws_access_key_id = {}\naws_secret_access_key = {}\n", key.id, key.secret),
      path));
  std::printf(
      "A root key of account %s is in %s\n"
      "Use it with:  AWS_SHARED_CREDENTIALS_FILE=%s AWS_PROFILE=hearth aws ...\n"
      "Keys are checked when the server runs with:  hearth serve --auth enforced --data %s\n",
      kRootAccount, path.c_str(), path.c_str(), opened.folder.root().c_str());
  return {};
}

}  // namespace

int init_command(const config::Loaded& settings) {
  const Status done = init(settings);
  return done ? 0 : report(done.error());
}

}  // namespace hearth::main
