#pragma once
// FaultyDisk: the DiskWatch of tests. It makes chosen operations fail, counts them, and cuts the power.
//
// A power cut is modelled as strictly as POSIX allows: of a file stays what was synced (and, if the cut says so, some
// of what came after, torn), and of a folder's changes stays what happened before its last sync: a file or folder
// created since is gone, a rename since is undone. A tree that was put in place without having been synced is there
// with every file empty. Files are taken to be written in order, as all of ours and RocksDB's are.
//
// ignore_syncs() is how a test leaves one barrier out: the program makes the sync and hears that it succeeded, but the
// model forgets it.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "storage/file_system.h"

namespace hearth::storage {

// What a power cut leaves beyond what it must.
struct PowerCut {
  enum class Tail : std::uint8_t {
    kGone,   // the file ends with what is kept
    kZeros,  // it keeps its length; sectors that were not written read as zeros
    kNoise,  // as that, but of RocksDB's logs what follows holds anything
  };
  enum class Removals : std::uint8_t { kLast, kUndone };

  std::uint64_t kept_tail = 0;  // of the bytes written after a file's last sync, how many parts in 256 survive
  Tail tail = Tail::kGone;
  Removals removals = Removals::kLast;  // removals since the last sync of their folder
};

class FaultyDisk final : public DiskWatch {
 public:
  using Rule = std::function<int(const DiskCall&)>;  // 0 or an errno; called under the disk's lock

  FaultyDisk() = default;
  ~FaultyDisk() override { drop_graves(); }

  void set_rule(Rule rule) {
    const std::lock_guard guard(mutex_);
    rule_ = std::move(rule);
  }
  void heal() { set_rule(nullptr); }
  // Every operation from now on fails, as in a process that the power cut already ended.
  void cut_power() {
    const std::lock_guard guard(mutex_);
    off_ = true;
  }
  // From now on syncs of `site` keep nothing; of a folder's names, if `ending` is given, only those with that ending.
  void ignore_syncs(std::string site, std::string ending = {}) {
    const std::lock_guard guard(mutex_);
    ignored_ = Ignored{.site = std::move(site), .ending = std::move(ending)};
  }
  void respect_syncs() {
    const std::lock_guard guard(mutex_);
    ignored_.reset();
  }
  std::uint64_t count(DiskOperation operation) const {
    const std::lock_guard guard(mutex_);
    const auto found = counts_.find(operation);
    return found == counts_.end() ? 0 : found->second;
  }
  std::uint64_t total() const {
    const std::lock_guard guard(mutex_);
    return total_;
  }
  // Every site that synced, and how often.
  std::map<std::string, std::uint64_t> sites() const {
    const std::lock_guard guard(mutex_);
    return sites_;
  }

  int before(const DiskCall& call) override {
    const std::lock_guard guard(mutex_);
    if (off_) return EIO;
    if (rule_) {
      if (const int refused = rule_(call)) return refused;
    }
    ++total_;
    if (call.operation == DiskOperation::kRename) bury(std::string(call.target));
    if (call.operation == DiskOperation::kRemove) bury(std::string(call.path));
    return 0;
  }

  void after(const DiskCall& call) override {
    const std::lock_guard guard(mutex_);
    ++counts_[call.operation];
    const std::string path(call.path);
    const std::string target(call.target);
    if (!call.site.name.empty()) ++sites_[std::string(call.site.name)];
    const bool ignored = ignored_ && ignored_->site == call.site.name;
    if (ignored && ignored_->ending.empty()) return;
    switch (call.operation) {
      case DiskOperation::kCreate:
        files_[path] = {};
        [[fallthrough]];
      case DiskOperation::kMakeFolder:
        changes_.push_back({.operation = call.operation, .path = path, .target = {}, .grave = {}});
        break;
      case DiskOperation::kWrite:
        files_[path].size = std::max(files_[path].size, call.offset + call.size);
        break;
      case DiskOperation::kTruncate:
        files_[path].size = call.offset;
        files_[path].synced = std::min(files_[path].synced, call.offset);
        break;
      case DiskOperation::kSync:
        files_[path].synced = files_[path].size;
        break;
      case DiskOperation::kRename:
      case DiskOperation::kExchange:
        move(call.operation, path, target);
        break;
      case DiskOperation::kRemove:
        remove(path);
        break;
      case DiskOperation::kSyncFolder:  // a rename lasts once the folder it leads to is synced
        std::erase_if(changes_, [&](const NameChange& change) {
          const std::string& name = change.target.empty() ? change.path : change.target;
          return parent_of(name) == path && !(ignored && name.ends_with(ignored_->ending));
        });
        break;
      case DiskOperation::kSyncTree:
        synced_trees_.insert(path);
        break;
    }
  }

  // Leaves on the real disk what a power cut would have left. Everything that had files open is gone by now.
  void lose_unsynced(PowerCut cut = {}) {
    const std::lock_guard guard(mutex_);
    for (const auto& [path, file] : files_) tear(path, file, cut);
    for (const std::string& tree : torn_trees_) empty_files_of(tree);
    for (auto change = changes_.rbegin(); change != changes_.rend(); ++change) undo(*change, cut);
    drop_graves();
    files_.clear();
    changes_.clear();
    synced_trees_.clear();
    torn_trees_.clear();
    off_ = false;
  }
  void lose_unsynced(std::uint64_t kept_tail) { lose_unsynced(PowerCut{.kept_tail = kept_tail}); }

 private:
  struct File {
    std::uint64_t size = 0;
    std::uint64_t synced = 0;
  };
  struct NameChange {
    DiskOperation operation;
    std::string path;
    std::string target;  // of a rename or exchange
    std::string grave;   // where what was removed or overwritten still is; empty: there was nothing
  };
  struct Ignored {
    std::string site;
    std::string ending;
  };
  static constexpr const char* kGraveMark = ".buried-";

  // Keeps what is about to lose its name, under another beside the folder it is in.
  void bury(const std::string& path) {
    const std::string grave = parent_of(path) + kGraveMark + std::to_string(++graves_made_);
    if (::link(path.c_str(), grave.c_str()) != 0) return;
    fresh_graves_[path] = grave;
    graves_.insert(grave);
  }
  std::string take_grave(const std::string& path) {
    const auto found = fresh_graves_.extract(path);
    return found ? found.mapped() : std::string();
  }
  void drop_graves() {
    for (const std::string& grave : graves_) ::unlink(grave.c_str());
    graves_.clear();
  }

  void move(DiskOperation operation, const std::string& from, const std::string& to) {
    // The tree that is now at `to` may have been made by others (npm): nothing is known of the files in it.
    std::error_code missing;
    if (std::filesystem::is_directory(to, missing) && synced_trees_.erase(from) == 0) torn_trees_.insert(to);
    if (operation == DiskOperation::kRename) {
      if (const auto file = files_.extract(from)) files_[to] = file.mapped();
      // Its creation lasts or goes with the rename now.
      std::erase_if(changes_, [&](const NameChange& change) { return change.path == from && change.target.empty(); });
    }
    changes_.push_back({.operation = operation, .path = from, .target = to, .grave = take_grave(to)});
  }

  void remove(const std::string& path) {
    files_.erase(path);
    const auto created = [&](const NameChange& change) {
      return change.path == path && change.operation == DiskOperation::kCreate;
    };
    if (std::erase_if(changes_, created) != 0) return;
    changes_.push_back({.operation = DiskOperation::kRemove, .path = path, .target = {}, .grave = take_grave(path)});
  }

  static void tear(const std::string& path, const File& file, const PowerCut& cut) {
    std::error_code missing;
    const std::uint64_t real = std::filesystem::file_size(path, missing);
    std::uint64_t kept = file.synced + (file.size - std::min(file.size, file.synced)) * cut.kept_tail / 256;
    constexpr std::uint64_t kSector = 512;  // written whole or not at all
    if (cut.tail != PowerCut::Tail::kGone) kept = std::max(file.synced, kept / kSector * kSector);
    if (missing || real <= kept) return;
    std::filesystem::resize_file(path, kept);
    if (cut.tail == PowerCut::Tail::kZeros) std::filesystem::resize_file(path, real);
    if (cut.tail == PowerCut::Tail::kNoise && path.ends_with(".log")) {
      std::string noise(std::min<std::uint64_t>(4096, real - kept), '\0');
      std::mt19937 random(static_cast<unsigned>(kept));
      for (char& byte : noise) byte = static_cast<char>(random());
      std::ofstream(path, std::ios::binary | std::ios::app) << noise;
    }
  }

  static void empty_files_of(const std::string& tree) {
    std::error_code missing;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(tree, missing)) {
      if (entry.is_regular_file()) std::filesystem::resize_file(entry.path(), 0);
    }
  }

  static void undo(const NameChange& change, const PowerCut& cut) {
    std::error_code missing;
    switch (change.operation) {
      case DiskOperation::kCreate:
      case DiskOperation::kMakeFolder:
        std::filesystem::remove_all(change.path, missing);
        break;
      case DiskOperation::kExchange:
        if (::renameat2(AT_FDCWD, change.path.c_str(), AT_FDCWD, change.target.c_str(), RENAME_EXCHANGE) != 0) {
          std::filesystem::remove_all(change.target, missing);  // what it was has been removed since
        }
        break;
      case DiskOperation::kRename:
        std::filesystem::rename(change.target, change.path, missing);
        if (missing) std::filesystem::remove_all(change.target, missing);  // the folder it came from is gone
        if (!change.grave.empty()) ::rename(change.grave.c_str(), change.target.c_str());
        break;
      case DiskOperation::kRemove:
        if (cut.removals == PowerCut::Removals::kUndone && !change.grave.empty()) {
          ::rename(change.grave.c_str(), change.path.c_str());
        }
        break;
      case DiskOperation::kWrite:
      case DiskOperation::kTruncate:
      case DiskOperation::kSync:
      case DiskOperation::kSyncFolder:
      case DiskOperation::kSyncTree:
        break;
    }
  }

  mutable std::mutex mutex_;
  Rule rule_;
  bool off_ = false;
  std::optional<Ignored> ignored_;
  std::map<DiskOperation, std::uint64_t> counts_;
  std::map<std::string, std::uint64_t> sites_;
  std::uint64_t total_ = 0;
  std::map<std::string, File> files_;
  std::vector<NameChange> changes_;
  std::set<std::string> synced_trees_;
  std::set<std::string> torn_trees_;
  std::map<std::string, std::string> fresh_graves_;  // by path, between before() and after() of an operation
  std::set<std::string> graves_;
  std::uint64_t graves_made_ = 0;
};

// A folder of its own for one test, removed afterwards.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::filesystem::path& parent = std::filesystem::temp_directory_path()) {
    std::string pattern = (parent / "hearth-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = pattern;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

}  // namespace hearth::storage
