#include "functions/code_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/unique_fd.h"
#include "functions/merge.h"
#include "functions/registry.h"
#include "functions/unpack.h"
#include "net/one_shot.h"

namespace hearth::functions {
namespace {

constexpr std::string_view kTemporaryPrefix = ".tmp-";
constexpr std::string_view kMarkerSuffix = ".complete";

std::string read_boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

std::unexpected<Error> failed(std::string_view what, const std::string& path) {
  return fail(storage::ErrorKind::kUnavailable,
              fmt::format("{} {}: {}", what, path, std::system_category().message(errno)));
}

bool is_hash(std::string_view name) {
  return name.size() == 64 && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// The tree of one package: what runs on the pool, without any state.
class TreeFolder {
 public:
  TreeFolder(const std::string& root, const std::string& hash, std::string boot_id, const storage::FileSystem& files)
      : root_(root),
        tree_(root + "/" + hash),
        marker_(tree_ + std::string(kMarkerSuffix)),
        boot_id_(std::move(boot_id)),
        files_(files) {}

  bool is_complete() const {
    std::ifstream file(marker_);
    std::string boot_id;
    return std::getline(file, boot_id) && boot_id == boot_id_ && std::filesystem::is_directory(tree_);
  }

  Status make(const ZipReader& zip) const {
    return make_by([&](const std::string& fresh) { return unpack(zip, fresh, files_); });
  }
  Status make(const std::vector<std::string>& trees) const {
    return make_by([&](const std::string& fresh) { return merge_trees(trees, fresh, files_); });
  }

  Status remove() const {
    TRY_STATUS(files_.remove(marker_));
    const std::string doomed = temporary();
    if (rename(tree_.c_str(), doomed.c_str()) != 0) {
      if (errno == ENOENT) return {};
      return failed("renaming", tree_);
    }
    return remove_tree(doomed);
  }

 private:
  template <class Fill>
  Status make_by(const Fill& fill) const {
    TRY_STATUS(remove());
    const std::string fresh = temporary();
    if (auto filled = fill(fresh); !filled) {
      auto removed = remove_tree(fresh);
      return fail(removed ? std::move(filled).error()
                          : std::move(filled).error().with_context(removed.error().message()));
    }
    TRY_STATUS(files_.rename(fresh, tree_));
    return mark();
  }

  std::string temporary() const { return fmt::format("{}/{}{}", root_, kTemporaryPrefix, hex_encode(random_bytes(8))); }

  Status mark() const {
    TRY(const UniqueFd file, files_.create(marker_, 0600));
    return files_.write(file.get(), marker_, boot_id_ + "\n");
  }

  std::string root_;
  std::string tree_;
  std::string marker_;
  std::string boot_id_;
  storage::FileSystem files_;
};

}  // namespace

struct CodeStore::Impl {
  Impl(net::Loop& on_loop, net::ThreadPool& on_pool, storage::BlobStore& in_blobs, std::string root_folder,
       CodeLimits most, const storage::FileSystem& through)
      : loop(on_loop), pool(on_pool), blobs(in_blobs), root(std::move(root_folder)), limits(most), files(through) {}

  net::Loop& loop;
  net::ThreadPool& pool;
  storage::BlobStore& blobs;
  std::string root;
  CodeLimits limits;
  storage::FileSystem files;
  std::string boot_id = read_boot_id();
  std::set<std::string> complete;              // trees known to be there
  std::map<std::string, SteadyTime> last_use;  // by hash, for collect()
  // Trees being made or removed, each with those who wait for that to end.
  std::map<std::string, std::vector<std::shared_ptr<net::OneShot<bool>>>> busy;

  std::string tree_path(const std::string& hash) const { return root + "/" + hash; }
  TreeFolder folder(const std::string& hash) const { return TreeFolder(root, hash, boot_id, files); }
  void touch(const std::string& hash) { last_use[hash] = loop.clock().steady_now(); }

  // The right to make or remove one tree; others wait until it is destroyed.
  class Claim {
   public:
    Claim(Impl& impl, std::string hash) : impl_(impl), hash_(std::move(hash)) { impl_.busy[hash_]; }
    ~Claim() {
      const auto waiting = impl_.busy.extract(hash_);
      for (const auto& waiter : waiting.mapped()) waiter->set(true);
    }
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;

   private:
    Impl& impl_;
    std::string hash_;
  };
  // Waits until nobody makes or removes the tree; the caller claims it before it waits again.
  net::Task<> unclaimed(std::string hash) {
    while (busy.contains(hash)) {
      auto freed = std::make_shared<net::OneShot<bool>>(loop.executor());
      busy[hash].push_back(freed);
      co_await freed->wait();
    }
  }

  // Makes the tree if it is not there; from `zip`, or from the blob when that is null.
  net::Task<Status> ensure_tree(std::string hash, std::shared_ptr<const std::string> zip) {
    touch(hash);
    if (complete.contains(hash)) co_return Status{};
    co_await unclaimed(hash);
    const Claim claim(*this, hash);
    Status made = co_await make_tree(hash, std::move(zip));
    if (made) complete.insert(hash);
    co_return made;
  }

  net::Task<Status> make_tree(std::string hash, std::shared_ptr<const std::string> zip) {
    if (complete.contains(hash)) co_return Status{};
    auto look = [place = folder(hash)] { return place.is_complete(); };
    const bool found = co_await pool.run(loop, std::move(look));
    if (found) co_return Status{};
    if (!zip) {
      storage::BlobId id{hash};
      auto bytes = co_await blobs.read(std::move(id));
      if (!bytes) co_return fail(std::move(bytes).error());
      zip = std::make_shared<const std::string>(*std::move(bytes));
    }
    auto make = [zip = std::move(zip), place = folder(hash), most = limits]() -> Status {
      TRY(const ZipReader reader, ZipReader::open(*zip, most));
      return place.make(reader);
    };
    co_return co_await pool.run(loop, std::move(make));
  }

  // Makes the tree of these layers merged if it is not there.
  net::Task<Status> ensure_merged(std::string id, std::vector<CodePackage> packages) {
    touch(id);
    if (complete.contains(id)) co_return Status{};
    co_await unclaimed(id);
    const Claim claim(*this, id);
    Status made = co_await make_merged(id, std::move(packages));
    if (made) complete.insert(id);
    co_return made;
  }

  net::Task<Status> make_merged(std::string id, std::vector<CodePackage> packages) {
    if (complete.contains(id)) co_return Status{};
    auto look = [place = folder(id)] { return place.is_complete(); };
    const bool found = co_await pool.run(loop, std::move(look));
    if (found) co_return Status{};
    std::vector<std::string> trees;
    for (const CodePackage& package : packages) {
      std::string hash = package.blob.sha256_hex;
      trees.push_back(tree_path(hash));
      CO_TRY_STATUS(co_await ensure_tree(std::move(hash), nullptr));
    }
    auto make = [trees = std::move(trees), place = folder(id)] { return place.make(trees); };
    co_return co_await pool.run(loop, std::move(make));
  }

  // Checks and unpacks, without storing the zip.
  net::Task<Result<CodePackage>> take_in(std::shared_ptr<const std::string> bytes, CodeLimits most) {
    if (bytes->size() > most.zipped.value) {
      co_return fail(ErrorKind::kTooLarge, fmt::format("Zipped size must be smaller than {} bytes", most.zipped.value));
    }
    auto look = [bytes, most]() -> Result<CodePackage> {
      TRY(const ZipReader reader, ZipReader::open(*bytes, most));
      const std::string hash = sha256(*bytes);
      return CodePackage{.blob = {hex_encode(hash)},
                         .sha256_base64 = base64_encode(hash),
                         .size_bytes = bytes->size(),
                         .unpacked_bytes = reader.unpacked_bytes()};
    };
    Result<CodePackage> package = co_await pool.run(loop, std::move(look));
    if (!package) co_return package;
    std::string hash = package->blob.sha256_hex;
    CO_TRY_STATUS(co_await ensure_tree(std::move(hash), std::move(bytes)));
    co_return package;
  }

  net::Task<Result<CodePackage>> keep(CodePackage package, std::string content) {
    auto stored = co_await blobs.put(std::move(content));
    if (!stored) co_return fail(std::move(stored).error());
    HEARTH_CHECK(*stored == package.blob, "the blob store and the code store hash alike");
    co_return package;
  }

  net::Task<Status> check_modules(std::string hash, RuntimeAbi abi) {
    auto look = [tree = tree_path(hash), abi = std::move(abi)] { return check_native_modules(tree, abi); };
    co_return co_await pool.run(loop, std::move(look));
  }

  // Removes what `keep` does not hold.
  net::Task<Status> remove_all_but(std::set<std::string> keep) {
    auto list = [folder = root] {
      std::set<std::string> hashes;
      std::error_code ignored;  // a folder that cannot be read has nothing to remove
      for (const auto& item : std::filesystem::directory_iterator(folder, ignored)) {
        std::string name = item.path().filename().string();
        if (name.ends_with(kMarkerSuffix)) name.resize(name.size() - kMarkerSuffix.size());
        if (is_hash(name)) hashes.insert(std::move(name));
      }
      return hashes;
    };
    const std::set<std::string> hashes = co_await pool.run(loop, std::move(list));
    Status result;
    for (const std::string& hash : hashes) {
      if (keep.contains(hash) || busy.contains(hash)) continue;
      const auto used = last_use.find(hash);
      if (used != last_use.end() && used->second + kGrace > loop.clock().steady_now()) continue;
      co_await unclaimed(hash);
      const Claim claim(*this, hash);
      complete.erase(hash);
      last_use.erase(hash);
      auto remove = [place = folder(hash)] { return place.remove(); };
      Status removed = co_await pool.run(loop, std::move(remove));
      if (removed) removed = blobs.remove(storage::BlobId{hash});
      if (!removed) result = std::move(removed);
    }
    co_return result;
  }
};

CodeStore::CodeStore(net::Loop& loop, net::ThreadPool& pool, storage::BlobStore& blobs, std::string root,
                     CodeLimits limits, const storage::FileSystem& files)
    : impl_(std::make_unique<Impl>(loop, pool, blobs, std::move(root), limits, files)) {
  std::error_code error;  // a folder that cannot be made fails the first package, with its path
  std::filesystem::create_directories(impl_->root, error);
  for (const auto& item : std::filesystem::directory_iterator(impl_->root, error)) {
    const std::string path = item.path().string();
    if (!item.path().filename().string().starts_with(kTemporaryPrefix)) continue;
    pool.post([path] { (void)remove_tree(path); });  // left by a crash; whatever stays is tried again at the next start
  }
}

CodeStore::~CodeStore() = default;

std::optional<storage::BlobId> merged_tree_id(const std::vector<CodePackage>& layers) {
  if (layers.size() < 2) return std::nullopt;
  std::string names = "layers";
  for (const CodePackage& layer : layers) names += "\n" + layer.blob.sha256_hex;
  return storage::BlobId{hex_encode(sha256(names))};
}

const CodeLimits& CodeStore::limits() const { return impl_->limits; }

net::Task<Result<CodePackage>> CodeStore::ingest(std::string zip, RuntimeAbi abi) {
  auto bytes = std::make_shared<std::string>(std::move(zip));
  CO_TRY(CodePackage package, co_await impl_->take_in(bytes, impl_->limits));
  std::string hash = package.blob.sha256_hex;
  CO_TRY_STATUS(co_await impl_->check_modules(std::move(hash), std::move(abi)));
  std::string content = std::move(*bytes);
  co_return co_await impl_->keep(std::move(package), std::move(content));
}

net::Task<Result<CodePackage>> CodeStore::ingest_layer(std::string zip, ByteCount zipped) {
  auto bytes = std::make_shared<std::string>(std::move(zip));
  CodeLimits most = impl_->limits;
  most.zipped = zipped;
  CO_TRY(CodePackage package, co_await impl_->take_in(bytes, most));
  std::string content = std::move(*bytes);
  co_return co_await impl_->keep(std::move(package), std::move(content));
}

net::Task<Result<std::string>> CodeStore::layers(std::vector<CodePackage> packages) {
  HEARTH_CHECK(impl_->loop.on_thread());
  if (packages.empty()) co_return std::string();
  if (packages.size() == 1) {
    CodePackage only = std::move(packages.front());
    co_return co_await tree(std::move(only));
  }
  std::string id = merged_tree_id(packages)->sha256_hex;
  const std::string path = impl_->tree_path(id);
  CO_TRY_STATUS(co_await impl_->ensure_merged(std::move(id), std::move(packages)));
  co_return path;
}

net::Task<Result<std::string>> CodeStore::tree(CodePackage code) {
  HEARTH_CHECK(impl_->loop.on_thread());
  std::string hash = code.blob.sha256_hex;
  CO_TRY_STATUS(co_await impl_->ensure_tree(hash, nullptr));
  co_return impl_->tree_path(hash);
}

net::Task<Status> CodeStore::check(CodePackage code, RuntimeAbi abi) {
  std::string hash = code.blob.sha256_hex;
  CO_TRY_STATUS(co_await impl_->ensure_tree(hash, nullptr));
  co_return co_await impl_->check_modules(hash, std::move(abi));
}

net::Task<Status> CodeStore::collect(std::vector<storage::BlobId> in_use) {
  std::set<std::string> keep;
  for (storage::BlobId& id : in_use) {
    impl_->touch(id.sha256_hex);
    keep.insert(std::move(id.sha256_hex));
  }
  return impl_->remove_all_but(std::move(keep));
}

net::Task<Status> CodeStore::clear() {
  impl_->last_use.clear();
  return impl_->remove_all_but({});
}

}  // namespace hearth::functions
