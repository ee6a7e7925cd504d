#include "main/data_access.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "storage/file_system.h"

namespace hearth::main {
namespace {

// The server's user must be able to walk to the data folder; root can walk anywhere, so it would not notice.
Status check_reachable(const std::string& path, const ServerUser& user) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    const std::string parent = path.substr(0, slash);
    struct stat info{};
    if (::stat(parent.c_str(), &info) != 0) {
      return fail(CommandError::kSystem, fmt::format("{}: {}", parent, std::strerror(errno)));
    }
    const mode_t needed = info.st_uid == user.uid ? S_IXUSR : info.st_gid == user.gid ? S_IXGRP : S_IXOTH;
    if (user.uid != 0 && (info.st_mode & needed) == 0) {
      return fail(
          CommandError::kNoAccess,
          fmt::format("the server runs as user '{}', who may not enter {}; choose another --data or another --user",
                      user.name, parent));
    }
  }
  return {};
}

}  // namespace

int report(const Error& error) {
  std::fprintf(stderr, "hearth: %s\n", error.message().c_str());
  return 1;
}

Result<OpenedFolder> open_folder(const config::Config& config) {
  TRY(ServerUser user, find_server_user(config.user));
  const storage::FileSystem files;
  TRY(auto folder, storage::DataFolder::open(config.data, files, storage::FolderOwner{user.uid, user.gid}));
  TRY_STATUS(check_reachable(folder.root(), user));
  return OpenedFolder{std::move(user), std::move(folder)};
}

}  // namespace hearth::main
