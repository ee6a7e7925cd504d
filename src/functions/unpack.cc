#include "functions/unpack.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <vector>

#include "base/barriers.h"
#include "base/unique_fd.h"
#include "functions/error_kind.h"
#include "storage/error_kind.h"

namespace hearth::functions {
namespace {

std::unexpected<Error> refused(const std::string& entry, std::string_view why) {
  return fail(ErrorKind::kBadPackage, fmt::format("{} (entry '{}': {})", kUnreadableZip, entry, why));
}
std::unexpected<Error> failed(std::string_view what, const std::string& path) {
  return fail(storage::ErrorKind::kUnavailable,
              fmt::format("{} {}: {}", what, path, std::system_category().message(errno)));
}

std::vector<std::string_view> parts_of(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    parts.push_back(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return parts;
}

// Follows links as the kernel would, with the package as the whole world.
class LinkChecker {
 public:
  // The targets of all links, by path.
  explicit LinkChecker(std::unordered_map<std::string, std::string> targets) : targets_(std::move(targets)) {}

  // Why the link at `path` is refused, if it is. A target that does not exist inside the tree is allowed.
  std::optional<std::string_view> check(const std::string& path) {
    std::vector<std::string_view> todo = parts_of(path);  // next part last
    std::reverse(todo.begin(), todo.end());
    std::vector<std::string_view> place;  // where we are, below the root
    int followed = 0;
    while (!todo.empty()) {
      if (work_ > kMostWork) return "the package's links are too entangled";
      const std::string_view part = todo.back();
      todo.pop_back();
      if (part.empty() || part == ".") continue;
      if (part == "..") {
        if (place.empty()) return "the link leads out of the package";
        place.pop_back();
        continue;
      }
      place.push_back(part);
      const std::string here = fmt::format("{}", fmt::join(place, "/"));
      work_ += here.size() + 1;
      const auto link = targets_.find(here);
      if (link == targets_.end()) continue;
      if (++followed > kMostFollowed) return "the link leads in a circle";
      if (link->second.front() == '/') return "the link leads out of the package";
      place.pop_back();
      const auto target = parts_of(link->second);
      todo.insert(todo.end(), target.rbegin(), target.rend());
    }
    return std::nullopt;
  }

 private:
  static constexpr int kMostFollowed = 40;              // as the kernel
  static constexpr std::size_t kMostWork = 64U << 20U;  // bytes of paths looked up for all links of a package
  std::unordered_map<std::string, std::string> targets_;
  std::size_t work_ = 0;
};

Status check_links(const std::unordered_map<std::string, std::string>& links) {
  LinkChecker checker(links);
  for (const auto& [path, target] : links) {
    if (const auto why = checker.check(path)) return refused(path, *why);
  }
  return {};
}

using storage::DiskOperation;

// The tree on its way: its folder, and the file system through which it is filled.
struct Target {
  const std::string& path;
  const storage::FileSystem& files;
  UniqueFd root = {};

  std::string name_of(const std::string& entry) const { return path + "/" + entry; }
};

int write_all(int file, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = write(file, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

Status write_file(const Target& target, const ZipEntry& entry, std::string_view content) {
  const std::string name = target.name_of(entry.path);
  UniqueFd file;
  TRY_STATUS(target.files.perform({.operation = DiskOperation::kCreate, .path = name}, "create", [&] {
    constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    file = UniqueFd(openat(target.root.get(), entry.path.c_str(), kFlags, 0600));
    return file ? 0 : errno;
  }));
  TRY_STATUS(target.files.perform({.operation = DiskOperation::kWrite, .path = name, .size = content.size()}, "write",
                                  [&] { return write_all(file.get(), content); }));
  const timespec modified{.tv_sec = entry.modified, .tv_nsec = 0};
  const timespec times[2] = {modified, modified};
  if (futimens(file.get(), times) != 0) return failed("setting the time of", entry.path);
  if (fchmod(file.get(), entry.executable ? 0755 : 0644) != 0) return failed("setting the mode of", entry.path);
  return {};
}

Status make_folder(const Target& target, const std::string& path) {
  const std::string name = target.name_of(path);
  return target.files.perform({.operation = DiskOperation::kMakeFolder, .path = name}, "create", [&] {
    if (mkdirat(target.root.get(), path.c_str(), 0700) != 0) return errno;
    return fchmodat(target.root.get(), path.c_str(), 0755, 0) == 0 ? 0 : errno;
  });
}

Status make_link(const Target& target, const std::string& path, const std::string& leads_to) {
  const std::string name = target.name_of(path);
  return target.files.perform({.operation = DiskOperation::kCreate, .path = name}, "create", [&] {
    return symlinkat(leads_to.c_str(), target.root.get(), path.c_str()) == 0 ? 0 : errno;
  });
}

}  // namespace

Status unpack(const ZipReader& zip, const std::string& path, const storage::FileSystem& files) {
  std::unordered_map<std::string, std::string> links;
  std::set<std::string> folders;  // sorted: parents before what is in them
  for (const ZipEntry& entry : zip.entries()) {
    for (std::size_t slash = entry.path.find('/'); slash != std::string::npos;
         slash = entry.path.find('/', slash + 1)) {
      folders.insert(entry.path.substr(0, slash));
    }
    if (entry.type == ZipEntry::Type::kFolder) folders.insert(entry.path);
    if (entry.type == ZipEntry::Type::kLink) {
      TRY(std::string link, zip.inflate(entry));
      if (link.empty() || link.find('\0') != std::string::npos) return refused(entry.path, "the link has no target");
      links.emplace(entry.path, std::move(link));
    }
  }
  if (barrier_up(Barrier::kZipLinks)) TRY_STATUS(check_links(links));

  TRY_STATUS(files.make_folder(path, 0700));
  Target target{.path = path, .files = files};
  target.root = UniqueFd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!target.root) return failed("opening", path);
  for (const std::string& folder : folders) TRY_STATUS(make_folder(target, folder));
  for (const ZipEntry& entry : zip.entries()) {
    if (entry.type != ZipEntry::Type::kFile) {
      if (entry.type == ZipEntry::Type::kFolder && entry.size != 0)
        return refused(entry.path, "a folder has no content");
      continue;
    }
    TRY(const std::string content, zip.inflate(entry));
    TRY_STATUS(write_file(target, entry, content));
  }
  for (const auto& [name, leads_to] : links) TRY_STATUS(make_link(target, name, leads_to));
  if (fchmod(target.root.get(), 0755) != 0) return failed("setting the mode of", path);
  return {};
}

Status remove_tree(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) return fail(storage::ErrorKind::kUnavailable, fmt::format("removing {}: {}", path, error.message()));
  return {};
}

}  // namespace hearth::functions
