#include "launcher/base_root.h"

#include <dirent.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <sstream>

#include "base/barriers.h"
#include "launcher/hidden_source.h"
#include "launcher/identity.h"
#include "launcher/protocol.h"
#include "launcher/sys.h"

namespace hearth::launcher {
namespace {

// Empty folders. /var/task/lib and /opt/lib are in LD_LIBRARY_PATH: a folder that is missing when a process first looks
// is missing for it for ever.
constexpr const char* kFolders[] = {"/usr",          "/etc",
                                    "/etc/ssl",      "/dev",
                                    "/dev/shm",      "/proc",
                                    "/sys",          "/tmp",
                                    "/var",          "/var/task",
                                    "/var/task/lib", "/var/runtime",
                                    "/var/lang",     "/opt",
                                    "/opt/lib",      "/root",
                                    "/home",         "/run",
                                    "/mnt",          "/etc/pki",
                                    "/etc/pki/tls",  "/etc/pki/tls/certs"};

constexpr const char* kDevices[] = {"null", "zero", "full", "random", "urandom"};
// There without kFewDevices, which is one of very many that are kept out.
constexpr const char* kUnwantedDevice = "ptmx";

struct Link {
  const char* path;
  const char* target;
};
constexpr Link kLinks[] = {
    {"/dev/fd", "/proc/self/fd"},
    {"/dev/stdin", "/proc/self/fd/0"},
    {"/dev/stdout", "/proc/self/fd/1"},
    {"/dev/stderr", "/proc/self/fd/2"},
    {"/etc/localtime", "/usr/share/zoneinfo/Etc/UTC"},
    {"/etc/mtab", "/proc/self/mounts"},
    {"/etc/os-release", "../usr/lib/os-release"},
    // Where programs built for Amazon Linux look for certificates.
    {"/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt"},
    {"/var/run", "/run"},
    // ES modules know no NODE_PATH, they look in node_modules of every folder up from /var/task: layers, then the SDK.
    {"/var/node_modules", "/opt/nodejs/node_modules"},
    {"/node_modules", "/var/runtime/node_modules"},
};

std::string base(std::string_view path) { return kBaseRoot + std::string(path); }

Status failed(const std::string& what) { return fail(FailureKind::kFailed, sys::error_text(what, errno)); }

Status write_new(const std::string& path, std::string_view text) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) return failed(path);
  return {};
}

Status bind_path(const std::string& source, const std::string& target) {
  if (::mount(source.c_str(), target.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0) {
    return failed("mounting " + source + " on " + target);
  }
  return {};
}

bool is_folder(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}
bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

Status bind_folder(const std::string& path) {
  if (::mkdir(base(path).c_str(), 0755) != 0 && errno != EEXIST) return failed(path);
  return bind_path(path, base(path));
}

// /bin, /lib, ... are links into /usr on today's systems and folders on older ones.
Status copy_top_level(const char* path) {
  struct stat status{};
  if (::lstat(path, &status) != 0) return {};
  if (S_ISDIR(status.st_mode)) return bind_folder(path);
  char target[256];
  const ssize_t length = ::readlink(path, target, sizeof target - 1);
  if (length < 0) return failed(path);
  target[length] = '\0';
  if (::symlink(target, base(path).c_str()) != 0) return failed(path);
  return {};
}

Status make_certificates() {
  if (exists("/etc/ssl/certs/ca-certificates.crt")) return bind_path("/etc/ssl", base("/etc/ssl"));
  // A mount point for the server's own bundle on machines without one.
  if (::mkdir(base("/etc/ssl/certs").c_str(), 0755) != 0) return failed("/etc/ssl/certs");
  return write_new(base("/etc/ssl/certs/ca-certificates.crt"), "");
}

Status make_etc() {
  TRY_STATUS(write_new(base("/etc/passwd"), passwd_text(kInnerUid, kInnerGid)));
  TRY_STATUS(write_new(base("/etc/group"), group_text(kInnerGid)));
  TRY_STATUS(write_new(base("/etc/hosts"), "127.0.0.1 localhost sandbox\n::1 localhost\n"));
  TRY_STATUS(write_new(base("/etc/hostname"), "sandbox\n"));
  TRY_STATUS(write_new(base("/etc/resolv.conf"), "nameserver 127.0.0.1\noptions timeout:5 attempts:2\n"));
  TRY_STATUS(write_new(base("/etc/nsswitch.conf"),
                       "passwd: files\ngroup: files\nhosts: files dns\n"
                       "services: files\nprotocols: files\n"));
  for (const char* copied : {"/etc/ld.so.cache", "/etc/services", "/etc/protocols", "/etc/mime.types"}) {
    if (exists(copied)) TRY_STATUS(write_new(base(copied), sys::read_file(copied)));
  }
  for (const std::string& folder : interpreter_folders()) TRY_STATUS(bind_folder(folder));
  return make_certificates();
}

std::vector<std::string> device_names() {
  std::vector<std::string> names(std::begin(kDevices), std::end(kDevices));
  if (!barrier_up(Barrier::kFewDevices)) names.emplace_back(kUnwantedDevice);
  return names;
}

Status make_devices() {
  for (const std::string& name : device_names()) {
    const std::string path = "/dev/" + name;
    TRY_STATUS(write_new(base(path), ""));
    TRY_STATUS(bind_path(path, base(path)));
  }
  return {};
}

Status make_read_only() {
  using namespace sys;
  const std::uint64_t read_only = barrier_up(Barrier::kReadOnlyRoot) ? kReadOnly : 0;
  if (mount_setattr(AT_FDCWD, kBaseRoot, kRecursive, {.set = read_only | kNoSuid | kNoDev}) != 0) {
    return failed("making the base root read-only");
  }
  for (const std::string& name : device_names()) {
    const std::string path = base("/dev/" + name);
    if (mount_setattr(AT_FDCWD, path.c_str(), 0, {.set = kNoExec, .clear = kNoDev}) != 0) return failed(path);
  }
  return {};
}

}  // namespace

Status enter_own_mount_namespace() {
  if (::unshare(CLONE_NEWNS) != 0) return failed("a mount namespace of our own");
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return failed("making mounts private");
  return {};
}

std::string passwd_text(std::uint64_t uid, std::uint64_t gid) {
  return "root:x:0:0:root:/root:/sbin/nologin\n" + std::string(kInnerName) + ":x:" + std::to_string(uid) + ":" +
         std::to_string(gid) + "::/tmp:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n";
}

std::string group_text(std::uint64_t gid) {
  return "root:x:0:\n" + std::string(kInnerName) + ":x:" + std::to_string(gid) + ":\nnogroup:x:65534:\n";
}

std::vector<std::string> interpreter_folders() {
  std::vector<std::string> found;
  const std::unique_ptr<DIR, decltype([](DIR* open) { ::closedir(open); })> listing(::opendir("/etc"));
  while (const dirent* entry = listing ? ::readdir(listing.get()) : nullptr) {
    const std::string name = entry->d_name;
    const bool wanted = name == "alternatives" || name.starts_with("java") || name.starts_with("python");
    if (wanted && is_folder("/etc/" + name)) found.push_back("/etc/" + name);
  }
  return found;
}

Status build_base_root() {
  if (::mount("hearth", kBaseRoot, "tmpfs", MS_NOSUID | MS_NODEV, "size=16m,nr_inodes=4096,mode=755") != 0) {
    return failed(std::string("a tmpfs on ") + kBaseRoot);
  }
  const mode_t old_mask = ::umask(0022);
  const auto build = []() -> Status {
    for (const char* folder : kFolders) {
      if (::mkdir(base(folder).c_str(), 0755) != 0) return failed(folder);
    }
    TRY_STATUS(bind_path("/usr", base("/usr")));
    for (const char* path : {"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"}) TRY_STATUS(copy_top_level(path));
    for (const Link& link : kLinks) {
      if (::symlink(link.target, base(link.path).c_str()) != 0) return failed(link.path);
    }
    TRY_STATUS(make_etc());
    TRY_STATUS(make_devices());
    TRY_STATUS(make_read_only());
    return make_place_for_copies();
  };
  Status built = build();
  ::umask(old_mask);
  return built;
}

Result<SourceRoots> SourceRoots::open(const std::vector<std::string>& paths) {
  SourceRoots roots;
  for (const std::string& path : paths) {
    UniqueFd directory(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory) return fail(FailureKind::kFailed, sys::error_text("mount source folder " + path, errno));
    std::string clean = path;
    while (clean.size() > 1 && clean.ends_with('/')) clean.pop_back();
    roots.roots_.push_back({std::move(clean), std::move(directory)});
  }
  return roots;
}

std::vector<MountEntry> parse_mounts(std::string_view mountinfo) {
  std::vector<MountEntry> mounts;
  while (!mountinfo.empty()) {
    const std::size_t end = std::min(mountinfo.find('\n'), mountinfo.size());
    std::istringstream line{std::string(mountinfo.substr(0, end))};
    mountinfo.remove_prefix(std::min(end + 1, mountinfo.size()));
    MountEntry mount;
    std::string device, root;
    if (line >> mount.id >> mount.parent >> device >> root >> mount.path) mounts.push_back(std::move(mount));
  }
  return mounts;
}

std::vector<std::string> unneeded_mounts(const std::vector<MountEntry>& mounts, std::set<std::uint64_t> needed,
                                         const std::vector<std::string>& folders) {
  const auto is_below = [](const std::string& path, const std::string& folder) {
    return path == folder || path.starts_with(folder.ends_with('/') ? folder : folder + "/");
  };
  for (const MountEntry& mount : mounts) {
    if (std::ranges::any_of(folders, [&](const std::string& folder) { return is_below(mount.path, folder); })) {
      needed.insert(mount.id);
    }
  }
  // Unmounting takes along what is mounted on it, so parents of needed ones are needed. Mounts are listed parents
  // first, but moved ones may not be: repeat until nothing is added.
  for (std::size_t before = 0; before != needed.size();) {
    before = needed.size();
    for (const MountEntry& mount : mounts) {
      if (needed.contains(mount.id)) needed.insert(mount.parent);
    }
  }
  std::vector<std::string> paths;
  for (auto mount = mounts.rbegin(); mount != mounts.rend(); ++mount) {
    // One over another on the same path would hide which is meant.
    const auto same_path = [&](const MountEntry& other) { return other.path == mount->path; };
    if (!needed.contains(mount->id) && std::ranges::count_if(mounts, same_path) == 1) paths.push_back(mount->path);
  }
  return paths;
}

void SourceRoots::forget_other_mounts() const {
  std::set<std::uint64_t> needed;
  std::vector<std::string> folders = {"/proc", kBaseRoot};
  for (const Root& root : roots_) {
    folders.push_back(root.path);
    struct statx status{};
    // Not knowing what a source is on: keep everything.
    if (::statx(root.directory.get(), "", AT_EMPTY_PATH, STATX_MNT_ID, &status) != 0) return;
    if ((status.stx_mask & STATX_MNT_ID) == 0) return;
    needed.insert(status.stx_mnt_id);
  }
  for (const std::string& path :
       unneeded_mounts(parse_mounts(sys::read_file("/proc/self/mountinfo")), std::move(needed), folders)) {
    if (path != "/") ::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
  }
}

Result<UniqueFd> SourceRoots::open_source(const std::string& path) const {
  for (const Root& root : roots_) {
    if (!path.starts_with(root.path)) continue;
    std::string_view rest = std::string_view(path).substr(root.path.size());
    if (!rest.empty() && rest.front() != '/' && root.path != "/") continue;
    while (rest.starts_with('/')) rest.remove_prefix(1);
    const std::string relative = rest.empty() ? "." : std::string(rest);
    const std::uint64_t beneath =
        barrier_up(Barrier::kSourceBeneathRoots) ? RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS : 0;
    UniqueFd fd(sys::openat2(root.directory.get(), relative.c_str(), O_PATH, beneath));
    if (!fd) {
      const bool full = errno == EMFILE || errno == ENFILE || errno == ENOMEM;
      return fail(full ? FailureKind::kNoResources : FailureKind::kRefused,
                  sys::error_text("mount source " + path, errno));
    }
    struct stat status{};
    if (::fstat(fd.get(), &status) != 0 || (!S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode))) {
      return fail(FailureKind::kRefused, "mount source " + path + " is neither a folder nor a file");
    }
    return fd;
  }
  return fail(FailureKind::kRefused, "mount source " + path + " is outside the folders the launcher may use");
}

}  // namespace hearth::launcher
