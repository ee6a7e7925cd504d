// `hearth init`: a data folder with a first root key.

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "main/data_access.h"
#include "main/root_key.h"
#include "main/serve_command.h"
#include "main/supervisor.h"

namespace hearth::main {
namespace {

Status init(const config::Loaded& settings) {
  TRY(const OpenedFolder opened, open_folder(settings.config));
  const std::string path = opened.folder.root() + "/root-key";
  if (::access(path.c_str(), F_OK) == 0) {
    return fail(CommandError::kExists,
                fmt::format("there is a root key already: {}; remove that file to make another", path));
  }
  // Made while still root: the file belongs to who ran this, not to the server.
  TRY(RootKeyFile file, RootKeyFile::create(path, storage::FileSystem()));
  if (!drop_privileges(opened.user)) {
    return fail(CommandError::kSystem,
                fmt::format("cannot become user '{}': {}", opened.user.name, std::strerror(errno)));
  }
  TRY(const auto key, make_root_key(opened.folder));
  TRY_STATUS(file.save(key));
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
