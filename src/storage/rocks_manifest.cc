#include "storage/rocks_manifest.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <string_view>

namespace hearth::storage {
namespace {

// The format of RocksDB's logs: blocks that records do not cross, and before each record a checksum (4 bytes), the
// length (2, little endian) and the type (1). What is too short for a header ends a block unused.
constexpr std::size_t kBlock = 32'768;
constexpr std::size_t kHeader = 7;
constexpr std::size_t kSector = 512;  // what a disk writes whole

std::size_t length_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at + 4]) | static_cast<std::size_t>(static_cast<std::uint8_t>(bytes[at + 5]))
                                                        << 8U;
}

// Where the record begins of which the newest sectors are missing, if there is one.
std::optional<std::size_t> torn_record(std::string_view bytes) {
  const std::size_t last = bytes.find_last_not_of('\0');
  const std::size_t written = last == std::string_view::npos ? 0 : last + 1;
  for (std::size_t at = 0; at + kHeader <= bytes.size();) {
    const std::size_t left = kBlock - at % kBlock;
    if (left < kHeader) {
      at += left;
      continue;
    }
    const std::size_t end = at + kHeader + length_at(bytes, at);
    const std::size_t first_missing = (std::max(written, at) + kSector - 1) / kSector * kSector;
    if (at < written && end > first_missing && first_missing < bytes.size()) return at;
    if (at >= written) return std::nullopt;  // nothing but zeros, which RocksDB passes over
    at = end;
  }
  return std::nullopt;
}

}  // namespace

Result<bool> trim_torn_manifest(const FileSystem& files, const std::string& folder) {
  TRY(std::string name, files.read(folder + "/CURRENT"));
  while (name.ends_with('\n')) name.pop_back();
  if (!name.starts_with("MANIFEST-") || name.find('/') != std::string::npos) return false;
  const std::string path = folder + "/" + name;
  TRY(const std::string bytes, files.read(path));
  const auto torn = torn_record(bytes);
  if (!torn) return false;
  // Not synced: if it is undone, it is done again.
  TRY_STATUS(files.perform({.operation = DiskOperation::kTruncate, .path = path, .offset = *torn}, "truncate",
                           [&] { return ::truncate(path.c_str(), static_cast<off_t>(*torn)) == 0 ? 0 : errno; }));
  return true;
}

}  // namespace hearth::storage
