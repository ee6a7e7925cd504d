#pragma once
// RootKey: the first access key of a data folder, and the file in which its owner finds it.
//
// The key is durable in the store before the file has its name, and both are before save_root_key() returns: a file
// that is there holds a key that works.
//
// Path: main/init_command.cc -> here        Tests: tests/crash/power_cut_test.cc

#include <string>
#include <string_view>

#include "base/result.h"
#include "services/iam/service.h"
#include "storage/data_folder.h"
#include "storage/file_system.h"

namespace hearth::main {

// The account of root keys made here, and of callers who name none.
inline constexpr const char* kRootAccount = "000000000000";

// Makes a root key and waits until it is on disk. Blocking. Errors: storage::ErrorKind.
Result<services::iam::AccessKey> make_root_key(const storage::DataFolder& folder, storage::DiskWatch* watch = nullptr);

// The file on its way: made by one user, written and named by another, who owns the folder.
class RootKeyFile {
 public:
  // Makes a file beside `path` that only the caller can read. Errors: storage::ErrorKind.
  static Result<RootKeyFile> create(const std::string& path, const storage::FileSystem& files);
  RootKeyFile(RootKeyFile&& other) noexcept;
  RootKeyFile& operator=(RootKeyFile&&) = delete;
  RootKeyFile(const RootKeyFile&) = delete;
  RootKeyFile& operator=(const RootKeyFile&) = delete;
  ~RootKeyFile();  // without save(), nothing stays

  // Writes the key and gives the file its name; both last. Blocking. Errors: storage::ErrorKind.
  Status save(const services::iam::AccessKey& key);

 private:
  RootKeyFile(std::string path, std::string temporary, UniqueFd fd, const storage::FileSystem& files);

  std::string path_;
  std::string temporary_;  // empty: saved, or moved away
  UniqueFd fd_;
  storage::FileSystem files_;
};

}  // namespace hearth::main
