#include "main/root_key.h"

#include <fmt/format.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "base/bytes.h"
#include "net/loop.h"
#include "observe/log.h"
#include "storage/rocks_store.h"

namespace hearth::main {
namespace {

constexpr storage::SyncSite kBytesSite{"root_key.bytes"};
constexpr storage::SyncSite kNameSite{"root_key.name"};
constexpr mode_t kOwnerOnly = 0600;

net::Task<> note_durable(storage::RocksStore& store, std::optional<Status>& outcome) {
  Status status = co_await store.durable(store.last_ticket());
  outcome = std::move(status);
}

}  // namespace

Result<services::iam::AccessKey> make_root_key(const storage::DataFolder& folder, storage::DiskWatch* watch) {
  const SystemClock clock;
  const observe::Logger log(STDERR_FILENO, observe::Level::kWarn, observe::LogFormat::kText);
  net::Loop loop(clock);
  storage::RocksStoreOptions options;
  options.path = folder.db();
  options.watch = watch;
  TRY(const auto store, storage::RocksStore::open(options, loop, log));
  services::iam::Service iam(*store, clock);
  TRY_STATUS(iam.load());
  TRY(services::iam::AccessKey key, iam.create_root_key(kRootAccount));
  std::optional<Status> outcome;
  loop.spawn(note_durable(*store, outcome));
  loop.run();
  TRY_STATUS(std::move(*outcome));
  return key;
}

Result<RootKeyFile> RootKeyFile::create(const std::string& path, const storage::FileSystem& files) {
  std::string temporary = path + ".new-" + hex_encode(random_bytes(6));  // DataFolder removes what a crash leaves
  TRY(UniqueFd fd, files.create(temporary, kOwnerOnly));
  return RootKeyFile(path, std::move(temporary), std::move(fd), files);
}

RootKeyFile::RootKeyFile(std::string path, std::string temporary, UniqueFd fd, const storage::FileSystem& files)
    : path_(std::move(path)), temporary_(std::move(temporary)), fd_(std::move(fd)), files_(files) {}

RootKeyFile::RootKeyFile(RootKeyFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      fd_(std::move(other.fd_)),
      files_(other.files_) {}

RootKeyFile::~RootKeyFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());  // if it fails, the next start does
}

Status RootKeyFile::save(const services::iam::AccessKey& key) {
  const std::string text =
      fmt::format("[hearth]\naws_access_key_id = {}\naws_secret_access_key = {}\n", key.id, key.secret);
  TRY_STATUS(files_.write(fd_.get(), temporary_, text));
  TRY_STATUS(files_.sync(fd_.get(), temporary_, kBytesSite));
  TRY_STATUS(files_.rename(temporary_, path_));
  temporary_.clear();
  return files_.sync_folder(storage::parent_of(path_), kNameSite);
}

}  // namespace hearth::main
