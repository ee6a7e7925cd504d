#pragma once
// Function: what exists. Plain values, immutable once published in a snapshot; no behaviour.

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "storage/blob_store.h"

namespace hearth::functions {

struct FunctionKey {
  std::string account;
  std::string region;
  std::string name;
  auto operator<=>(const FunctionKey&) const = default;
};

enum class State { kPending, kActive, kInactive, kFailed };
enum class UpdateStatus { kNone, kInProgress, kSuccessful, kFailed };

// The unpacked, checked form of a package.
struct CodePackage {
  storage::BlobId blob;          // the zip as uploaded
  std::string sha256_base64;     // CodeSha256
  std::uint64_t size_bytes = 0;  // CodeSize: of the zip
  std::uint64_t unpacked_bytes = 0;
};

// A layer version as a function has it: its own record of the content, which stays when the layer version is deleted.
struct LayerUse {
  std::string arn;  // with the version
  CodePackage package;
};

// One version of a function ($LATEST or published) with everything an environment is built from.
struct FunctionVersion {
  FunctionKey key;
  std::string version = "$LATEST";
  std::string arn;               // without the version for $LATEST
  std::uint64_t generation = 0;  // grows with every change of code or configuration; environments compare it
  // Of a published version: the description of $LATEST it was made from; its own may be another.
  std::string source_description;

  CodePackage code;
  std::string runtime;
  std::string handler;
  std::string role;
  std::string description;
  std::uint32_t memory_mib = 128;
  std::uint32_t timeout_s = 3;
  std::uint32_t ephemeral_mib = 512;
  std::map<std::string, std::string> environment;
  bool has_environment = false;  // the Environment member was given, even if empty
  // The variables as they lie in the store, when the key to open them is missing; `environment` is empty then.
  std::string lost_environment;
  std::string architecture = "x86_64";
  std::string tracing_mode = "PassThrough";
  std::string log_format = "Text";
  std::string log_group;              // "/aws/lambda/NAME" unless LoggingConfig says otherwise
  std::string application_log_level;  // empty: not set
  std::string system_log_level;
  std::vector<LayerUse> layers;  // in the order of merging: later ones win

  std::string revision_id;
  TimePoint last_modified;
  State state = State::kPending;
  std::string state_reason;
  std::string state_reason_code;
  UpdateStatus update_status = UpdateStatus::kNone;
  std::string update_reason;
  std::string update_reason_code;
};

// Of a function whose variables cannot be opened: AWS's code, and what an operator is told.
inline constexpr std::string_view kLostKeyCode = "KMSKeyNotFound";
inline constexpr std::string_view kLostKeyReason =
    "The key that the function's environment variables were encrypted with is missing. Put it back into the key file "
    "and restart the server, or set the variables again.";

inline std::vector<CodePackage> packages_of(const std::vector<LayerUse>& layers) {
  std::vector<CodePackage> packages;
  packages.reserve(layers.size());
  for (const LayerUse& layer : layers) packages.push_back(layer.package);
  return packages;
}

using FunctionSnapshot = std::shared_ptr<const FunctionVersion>;

// What becomes of asynchronous events of a function, a version or an alias. Absent: AWS's default.
struct EventRules {
  std::optional<std::uint32_t> retries;   // after a function error; 2 by default
  std::optional<std::uint32_t> oldest_s;  // age at which an event is given up; six hours by default
  std::string on_success;                 // ARN of a destination; empty: none
  std::string on_failure;
  TimePoint last_modified;
};

// A name for a version, or for two with shares of the traffic.
struct Alias {
  std::string name;
  std::string version;  // "$LATEST" or a number
  std::string description;
  std::map<std::string, double> weights;  // at most one other version, with its share from 0 to 1
  std::string revision_id;
};

}  // namespace hearth::functions
