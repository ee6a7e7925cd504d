#include "functions/merge.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "functions/unpack.h"
#include "storage/error_kind.h"

namespace hearth::functions {
namespace {

namespace fs = std::filesystem;
using storage::DiskOperation;

std::unexpected<Error> failed(const std::string& path, const std::error_code& error) {
  return fail(storage::ErrorKind::kUnavailable, fmt::format("merging {}: {}", path, error.message()));
}

Status make_folder(const std::string& path, const storage::FileSystem& files) {
  return files.perform({.operation = DiskOperation::kMakeFolder, .path = path}, "create", [&] {
    if (::mkdir(path.c_str(), 0700) != 0) return errno;
    return ::chmod(path.c_str(), 0755) == 0 ? 0 : errno;
  });
}

// A second name for the file, or a copy where it cannot have one more.
int add_file(const std::string& from, const std::string& to) {
  if (::link(from.c_str(), to.c_str()) == 0) return 0;
  if (errno == EEXIST || errno == ENOSPC) return errno;
  std::error_code error;
  if (fs::copy_file(from, to, error)) return 0;
  return error.value();
}

// Puts one entry of a tree where it belongs. Its folder is there, and is no link: it was made here.
Status add(const fs::directory_entry& entry, const std::string& to, const storage::FileSystem& files) {
  std::error_code error;
  const fs::file_type type = entry.symlink_status(error).type();
  if (error) return failed(entry.path().string(), error);
  const fs::file_type there = fs::symlink_status(to, error).type();
  if (type == fs::file_type::directory && there == fs::file_type::directory) return {};
  if (there != fs::file_type::not_found) TRY_STATUS(remove_tree(to));
  if (type == fs::file_type::directory) return make_folder(to, files);
  return files.perform({.operation = DiskOperation::kCreate, .path = to}, "create", [&] {
    if (type != fs::file_type::symlink) return add_file(entry.path().string(), to);
    std::error_code problem;
    fs::copy_symlink(entry.path(), to, problem);
    return problem.value();
  });
}

}  // namespace

Status merge_trees(const std::vector<std::string>& trees, const std::string& target, const storage::FileSystem& files) {
  TRY_STATUS(make_folder(target, files));
  for (const std::string& tree : trees) {
    std::error_code error;
    fs::recursive_directory_iterator walk(tree, error);  // follows no links
    for (; !error && walk != fs::recursive_directory_iterator(); walk.increment(error)) {
      const std::string to = target + walk->path().string().substr(tree.size());
      TRY_STATUS(add(*walk, to, files));
    }
    if (error) return failed(tree, error);
  }
  return {};
}

}  // namespace hearth::functions
