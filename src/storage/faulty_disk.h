#pragma once
// FaultyDisk: the DiskWatch of tests. It makes chosen operations fail, counts them, and cuts the power.
//
// A power cut is modelled as strictly as POSIX allows: of a file stays what was synced (with `kept_tail`, also some
// bytes after it), and of a folder's changes stays what happened before its last sync: a file created since is gone, a
// rename since is undone. Files are taken to be written in order, as all of ours and RocksDB's are.

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "storage/file_system.h"

namespace hearth::storage {

class FaultyDisk final : public DiskWatch {
 public:
  using Rule = std::function<int(const DiskCall&)>;  // 0 or an errno; called under the disk's lock

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
  std::uint64_t count(DiskOperation operation) const {
    const std::lock_guard guard(mutex_);
    const auto found = counts_.find(operation);
    return found == counts_.end() ? 0 : found->second;
  }
  std::uint64_t total() const {
    const std::lock_guard guard(mutex_);
    return total_;
  }

  int before(const DiskCall& call) override {
    const std::lock_guard guard(mutex_);
    if (off_) return EIO;
    if (rule_) {
      if (const int refused = rule_(call)) return refused;
    }
    ++total_;
    if (call.operation == DiskOperation::kRename) {
      overwritten_.reset();
      if (std::ifstream file{std::string(call.target), std::ios::binary}) {
        overwritten_.emplace(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
      }
    }
    return 0;
  }

  void after(const DiskCall& call) override {
    const std::lock_guard guard(mutex_);
    ++counts_[call.operation];
    const std::string path(call.path);
    switch (call.operation) {
      case DiskOperation::kCreate:
        files_[path] = {};
        unsynced_names_.push_back({.path = path, .target = {}, .overwritten = {}});
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
        files_[std::string(call.target)] = files_[path];
        files_.erase(path);
        forget_creation(path);
        unsynced_names_.push_back({.path = path, .target = std::string(call.target), .overwritten = overwritten_});
        break;
      case DiskOperation::kRemove:
        files_.erase(path);
        std::erase_if(unsynced_names_,
                      [&](const NameChange& change) { return change.path == path && change.target.empty(); });
        break;
      case DiskOperation::kSyncFolder:  // a rename lasts once the folder it leads to is synced
        std::erase_if(unsynced_names_, [&](const NameChange& change) {
          return parent_of(change.target.empty() ? change.path : change.target) == path;
        });
        break;
    }
  }

  // Leaves on the real disk what a power cut would have left. Everything that had files open is gone by now.
  // `kept_tail`: of the bytes written after a file's last sync, how many parts in 256 happen to survive.
  void lose_unsynced(std::uint64_t kept_tail = 0) {
    const std::lock_guard guard(mutex_);
    for (const auto& [path, file] : files_) {
      std::error_code missing;
      const std::uint64_t real = std::filesystem::file_size(path, missing);
      const std::uint64_t kept = file.synced + (file.size - std::min(file.size, file.synced)) * kept_tail / 256;
      if (!missing && real > kept) std::filesystem::resize_file(path, kept);
    }
    for (auto change = unsynced_names_.rbegin(); change != unsynced_names_.rend(); ++change) {
      std::error_code missing;
      if (change->target.empty()) {
        std::filesystem::remove(change->path, missing);
        continue;
      }
      std::filesystem::rename(change->target, change->path, missing);
      if (change->overwritten) std::ofstream(change->target, std::ios::binary) << *change->overwritten;
    }
    files_.clear();
    unsynced_names_.clear();
    off_ = false;
  }

 private:
  struct File {
    std::uint64_t size = 0;
    std::uint64_t synced = 0;
  };
  struct NameChange {
    std::string path;
    std::string target;                      // empty: `path` was created
    std::optional<std::string> overwritten;  // what `target` held before
  };

  void forget_creation(const std::string& path) {
    std::erase_if(unsynced_names_,
                  [&](const NameChange& change) { return change.path == path && change.target.empty(); });
  }

  mutable std::mutex mutex_;
  Rule rule_;
  bool off_ = false;
  std::map<DiskOperation, std::uint64_t> counts_;
  std::uint64_t total_ = 0;
  std::map<std::string, File> files_;
  std::vector<NameChange> unsynced_names_;
  std::optional<std::string> overwritten_;  // the target's bytes, between before() and after() of a rename
};

// A folder of its own for one test, removed afterwards.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hearth-test-XXXXXX").string();
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
