#pragma once
// ZipReader: a strict reader of function packages, from memory, without touching the disk.
//
// open() reads the central directory alone and checks everything that needs no inflating: sizes against the limits,
// entry names (relative, no "..", no duplicates, no file below a file or link), kinds (files, folders, symbolic links;
// nothing else), no encryption, local headers that agree. inflate() stops at the declared size, whose sum open() has
// checked, so that no package can take more than the limit however well it compresses.
//
// Path: functions/code_store.cc -> unpack.cc -> here        Tests: zip_reader_test.cc

#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace hearth::functions {

struct CodeLimits {
  ByteCount zipped = ByteCount{52'428'800};     // direct upload, as AWS
  ByteCount unpacked = ByteCount{262'144'000};  // with layers, as AWS
  std::uint32_t entries = 100'000;              // files and folders, also folders that are only implied
};

struct ZipEntry {
  enum class Type : std::uint8_t { kFile, kFolder, kLink };
  std::string path;  // normalised: no empty or "." parts, no trailing slash
  Type type = Type::kFile;
  bool executable = false;  // any x bit of a Unix mode; archives made elsewhere have none
  std::uint64_t size = 0;   // unpacked
  std::time_t modified = 0;

  std::uint64_t packed_size = 0;
  std::uint64_t data_offset = 0;
  std::uint32_t crc = 0;
  std::uint16_t method = 0;
};

class ZipReader {
 public:
  // `bytes` outlives the reader. Errors: ErrorKind::kBadPackage, kTooLarge (messages begin as AWS words them).
  static Result<ZipReader> open(std::string_view bytes, const CodeLimits& limits);

  // In archive order; the first entry of a path decides, folders may be listed again.
  const std::vector<ZipEntry>& entries() const { return entries_; }
  std::uint64_t unpacked_bytes() const { return unpacked_bytes_; }

  // The entry's content, checked against its CRC. Errors: kBadPackage.
  Result<std::string> inflate(const ZipEntry& entry) const;

 private:
  explicit ZipReader(std::string_view bytes) : bytes_(bytes) {}

  std::string_view bytes_;
  std::vector<ZipEntry> entries_;
  std::uint64_t unpacked_bytes_ = 0;
};

// How AWS refuses a package it cannot read.
inline constexpr std::string_view kUnreadableZip =
    "Could not unzip uploaded file. Please check your file, then try to upload again.";

}  // namespace hearth::functions
