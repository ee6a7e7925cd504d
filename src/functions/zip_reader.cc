#include "functions/zip_reader.h"

#include <fmt/format.h>
#include <libdeflate.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/barriers.h"
#include "functions/error_kind.h"
#include "storage/error_kind.h"

namespace hearth::functions {
namespace {

constexpr std::uint32_t kEndSignature = 0x06054b50;
constexpr std::uint32_t kEnd64Signature = 0x06064b50;
constexpr std::uint32_t kEnd64LocatorSignature = 0x07064b50;
constexpr std::uint32_t kCentralSignature = 0x02014b50;
constexpr std::uint32_t kLocalSignature = 0x04034b50;
constexpr std::size_t kEndSize = 22;
constexpr std::size_t kEnd64Size = 56;
constexpr std::size_t kEnd64LocatorSize = 20;
constexpr std::size_t kCentralSize = 46;
constexpr std::size_t kLocalSize = 30;
constexpr std::uint16_t kStored = 0;
constexpr std::uint16_t kDeflated = 8;
constexpr std::uint16_t kEncryptedFlags = 0x2041;  // encrypted, strongly encrypted, masked headers
constexpr std::size_t kLongestPath = 4095;         // PATH_MAX without its zero
constexpr std::size_t kLongestPart = 255;          // NAME_MAX

std::unexpected<Error> unreadable() { return fail(ErrorKind::kBadPackage, std::string(kUnreadableZip)); }
std::unexpected<Error> refused(std::string_view entry, std::string_view why) {
  return fail(ErrorKind::kBadPackage, fmt::format("{} (entry '{}': {})", kUnreadableZip, entry, why));
}

// Little-endian numbers of a byte string; the caller has checked the bounds.
template <class Number>
Number number_at(std::string_view bytes, std::size_t offset) {
  Number value = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    value = static_cast<Number>(
        value | static_cast<Number>(static_cast<Number>(static_cast<unsigned char>(bytes[offset + i])) << (8 * i)));
  }
  return value;
}
std::uint16_t u16(std::string_view bytes, std::size_t offset) { return number_at<std::uint16_t>(bytes, offset); }
std::uint32_t u32(std::string_view bytes, std::size_t offset) { return number_at<std::uint32_t>(bytes, offset); }
std::uint64_t u64(std::string_view bytes, std::size_t offset) { return number_at<std::uint64_t>(bytes, offset); }

bool fits(std::string_view bytes, std::uint64_t offset, std::uint64_t size) {
  return offset <= bytes.size() && size <= bytes.size() - offset;
}

// Where the central directory is. `shift`: bytes put before the archive, which its offsets do not count.
struct Directory {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t entries = 0;
  std::uint64_t shift = 0;
};

std::optional<Directory> find_directory(std::string_view bytes) {
  if (bytes.size() < kEndSize) return std::nullopt;
  const std::size_t lowest = bytes.size() - std::min<std::size_t>(bytes.size(), kEndSize + 0xFFFF);
  for (std::size_t end = bytes.size() - kEndSize + 1; end-- > lowest;) {
    if (u32(bytes, end) != kEndSignature) continue;
    if (end + kEndSize + u16(bytes, end + 20) != bytes.size()) continue;            // the comment must end the file
    if (u16(bytes, end + 4) != 0 || u16(bytes, end + 6) != 0) return std::nullopt;  // several disks
    Directory directory{.offset = u32(bytes, end + 16), .size = u32(bytes, end + 12), .entries = u16(bytes, end + 10)};
    std::uint64_t directory_end = end;
    const bool zip64 = directory.offset == 0xFFFFFFFF || directory.size == 0xFFFFFFFF || directory.entries == 0xFFFF;
    if (zip64 && end >= kEnd64LocatorSize && u32(bytes, end - kEnd64LocatorSize) == kEnd64LocatorSignature) {
      // Directly before its locator, so that bytes before the archive do not matter.
      if (end < kEnd64LocatorSize + kEnd64Size) return std::nullopt;
      const std::size_t end64 = end - kEnd64LocatorSize - kEnd64Size;
      if (u32(bytes, end64) != kEnd64Signature) return std::nullopt;
      directory.entries = u64(bytes, end64 + 32);
      directory.size = u64(bytes, end64 + 40);
      directory.offset = u64(bytes, end64 + 48);
      directory_end = end64;
    }
    if (directory.size > directory_end || directory.offset > directory_end - directory.size) return std::nullopt;
    directory.shift = directory_end - directory.size - directory.offset;
    return directory;
  }
  return std::nullopt;
}

std::time_t from_dos_time(std::uint16_t date, std::uint16_t time) {
  std::tm when{};
  when.tm_year = (date >> 9) + 80;
  when.tm_mon = ((date >> 5) & 15) - 1;
  when.tm_mday = date & 31;
  when.tm_hour = time >> 11;
  when.tm_min = (time >> 5) & 63;
  when.tm_sec = (time & 31) * 2;
  return timegm(&when);  // archives carry no zone
}

// The path without empty and "." parts, or why it is refused.
std::expected<std::string, std::string_view> normalise(std::string_view name) {
  if (name.empty()) return std::unexpected("it has no name");
  if (name.size() > kLongestPath) return std::unexpected("its name is longer than 4095 bytes");
  if (name.find('\0') != std::string_view::npos) return std::unexpected("its name has a zero byte");
  if (name.front() == '/' && barrier_up(Barrier::kZipAbsolutePaths))
    return std::unexpected("absolute paths are not allowed");
  std::string path;
  while (!name.empty()) {
    const std::size_t slash = std::min(name.find('/'), name.size());
    const std::string_view part = name.substr(0, slash);
    name.remove_prefix(std::min(slash + 1, name.size()));
    if (part.empty() || part == ".") continue;
    if (part == ".." && barrier_up(Barrier::kZipParentPaths))
      return std::unexpected("paths must not leave the package");
    if (part.size() > kLongestPart) return std::unexpected("a part of its path is longer than 255 bytes");
    if (!path.empty()) path.push_back('/');
    path.append(part);
  }
  return path;
}

// Sizes and offset of a central header whose 32-bit fields overflow, from its zip64 extra field. False if malformed.
bool read_zip64(std::string_view extra, ZipEntry& entry, std::uint64_t& local_offset) {
  const bool wanted = entry.size == 0xFFFFFFFF || entry.packed_size == 0xFFFFFFFF || local_offset == 0xFFFFFFFF;
  if (!wanted) return true;
  while (extra.size() >= 4) {
    const std::uint16_t id = u16(extra, 0);
    const std::size_t size = u16(extra, 2);
    if (size > extra.size() - 4) return false;
    if (id == 1) {
      std::string_view field = extra.substr(4, size);
      for (std::uint64_t* value : {&entry.size, &entry.packed_size, &local_offset}) {
        if (*value != 0xFFFFFFFF) continue;
        if (field.size() < 8) return false;
        *value = u64(field, 0);
        field.remove_prefix(8);
      }
      return true;
    }
    extra.remove_prefix(4 + size);
  }
  return false;
}

// Type and mode from the header's attributes. Nothing for devices, pipes and sockets.
bool read_type(std::uint16_t made_by, std::uint32_t attributes, std::string_view name, ZipEntry& entry) {
  const unsigned host = made_by >> 8;
  const bool unix_modes = host == 3 || host == 19;  // Unix, macOS: others write no modes worth reading
  const auto mode = static_cast<mode_t>(attributes >> 16);
  const bool slash = name.ends_with('/');
  entry.type = slash ? ZipEntry::Type::kFolder : ZipEntry::Type::kFile;
  if (!unix_modes || mode == 0) return true;
  entry.executable = (mode & 0111U) != 0;
  switch (mode & S_IFMT) {
    case 0:
    case S_IFREG:
      return true;
    case S_IFDIR:
      entry.type = ZipEntry::Type::kFolder;
      return true;
    case S_IFLNK:
      entry.type = ZipEntry::Type::kLink;
      return !slash;
    default:
      return !barrier_up(Barrier::kZipKinds);
  }
}

// Keeps what paths already are, to refuse duplicates and files below something that is no folder.
class PathBook {
 public:
  explicit PathBook(std::uint32_t limit) : limit_(limit) {}
  // Nothing, or why the entry cannot have this path.
  std::optional<std::string_view> add(const ZipEntry& entry) {
    const auto depth = static_cast<std::size_t>(std::ranges::count(entry.path, '/')) + 1;
    if (depth > kMostParts) return "its path has more than 100 parts";
    work_ += depth * entry.path.size();
    if (work_ > kMostWork) return "the paths of the package are too long in all";
    for (std::size_t slash = entry.path.find('/'); slash != std::string::npos;
         slash = entry.path.find('/', slash + 1)) {
      const auto [parent, fresh] = kinds_.try_emplace(entry.path.substr(0, slash), ZipEntry::Type::kFolder);
      if (!fresh && parent->second != ZipEntry::Type::kFolder)
        return "it lies below a file or link of the same package";
      if (kinds_.size() > limit_) return "the package has more than 100,000 files and folders";
    }
    const auto [place, fresh] = kinds_.try_emplace(entry.path, entry.type);
    if (fresh)
      return kinds_.size() > limit_
                 ? std::optional<std::string_view>("the package has more than 100,000 files and folders")
                 : std::nullopt;
    const bool folder_again = place->second == ZipEntry::Type::kFolder && entry.type == ZipEntry::Type::kFolder;
    return folder_again ? std::nullopt : std::optional<std::string_view>("the package has this path twice");
  }

 private:
  static constexpr std::size_t kMostParts = 100;
  // Bytes looked at for all entries and the folders above them: a large node_modules takes a tenth of it.
  static constexpr std::size_t kMostWork = 256U << 20U;

  std::uint32_t limit_;
  std::size_t work_ = 0;
  std::unordered_map<std::string, ZipEntry::Type> kinds_;
};

}  // namespace

Result<ZipReader> ZipReader::open(std::string_view bytes, const CodeLimits& limits) {
  if (bytes.empty()) return fail(ErrorKind::kBadPackage, "Uploaded file must be a non-empty zip");
  const std::optional<Directory> directory = find_directory(bytes);
  if (!directory) return unreadable();
  if (directory->entries == 0) return fail(ErrorKind::kBadPackage, "Uploaded file must be a non-empty zip");
  if (directory->entries > limits.entries && barrier_up(Barrier::kZipEntryCount)) {
    return fail(ErrorKind::kBadPackage, fmt::format("{} (it has {} entries; {} are allowed)", kUnreadableZip,
                                                    directory->entries, limits.entries));
  }

  ZipReader reader(bytes);
  PathBook paths(barrier_up(Barrier::kZipEntryCount) ? limits.entries : UINT32_MAX);
  std::string_view headers = bytes.substr(directory->shift + directory->offset, directory->size);
  reader.entries_.reserve(directory->entries);
  for (std::uint64_t i = 0; i < directory->entries; ++i) {
    if (headers.size() < kCentralSize || u32(headers, 0) != kCentralSignature) return unreadable();
    const std::size_t name_size = u16(headers, 28);
    const std::size_t extra_size = u16(headers, 30);
    const std::size_t header_size = kCentralSize + name_size + extra_size + u16(headers, 32);
    if (headers.size() < header_size) return unreadable();
    const std::string_view name = headers.substr(kCentralSize, name_size);
    const std::uint16_t flags = u16(headers, 8);

    ZipEntry entry;
    entry.modified = from_dos_time(u16(headers, 14), u16(headers, 12));
    entry.crc = u32(headers, 16);
    entry.method = u16(headers, 10);
    entry.packed_size = u32(headers, 20);
    entry.size = u32(headers, 24);
    std::uint64_t local = u32(headers, 42);
    if ((flags & kEncryptedFlags) != 0) return refused(name, "it is encrypted");
    if (entry.method != kStored && entry.method != kDeflated)
      return refused(name, "its compression method is not supported");
    if (!read_zip64(headers.substr(kCentralSize + name_size, extra_size), entry, local)) return unreadable();
    if (!read_type(u16(headers, 4), u32(headers, 38), name, entry))
      return refused(name, "only files, folders and symbolic links are allowed");
    headers.remove_prefix(header_size);

    auto path = normalise(name);
    if (!path) return refused(name, path.error());
    entry.path = *std::move(path);

    local += directory->shift;
    if (!fits(bytes, local, kLocalSize) || u32(bytes, local) != kLocalSignature) return unreadable();
    const std::uint64_t local_name_size = u16(bytes, local + 26);
    entry.data_offset = local + kLocalSize + local_name_size + u16(bytes, local + 28);
    if (!fits(bytes, entry.data_offset, entry.packed_size)) return unreadable();
    if (bytes.substr(local + kLocalSize, local_name_size) != name && barrier_up(Barrier::kZipTwoNames))
      return refused(name, "its two headers disagree about its name");
    if (entry.method == kStored && entry.size != entry.packed_size) return unreadable();

    if (entry.path.empty()) {  // "./": the root itself
      if (entry.type != ZipEntry::Type::kFolder) return refused(name, "it has no name");
      continue;
    }
    if (const auto why = paths.add(entry)) return refused(name, *why);
    if (entry.type == ZipEntry::Type::kLink && entry.size > kLongestPath)
      return refused(name, "the link's target is too long");
    // Both are at most the limit before each sum, so it cannot overflow. AWS's words: "smaller than".
    const bool too_large =
        entry.size >= limits.unpacked.value || (reader.unpacked_bytes_ += entry.size) >= limits.unpacked.value;
    if (too_large && barrier_up(Barrier::kZipUnpackedSize)) {
      return fail(ErrorKind::kBadPackage,
                  fmt::format("Unzipped size must be smaller than {} bytes", limits.unpacked.value));
    }
    reader.entries_.push_back(std::move(entry));
  }
  if (reader.entries_.empty()) return fail(ErrorKind::kBadPackage, "Uploaded file must be a non-empty zip");
  return reader;
}

Result<std::string> ZipReader::inflate(const ZipEntry& entry) const {
  const std::string_view packed = bytes_.substr(entry.data_offset, entry.packed_size);
  std::string out;
  if (entry.method == kStored) {
    out = packed;
  } else {
    const std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)> inflater(
        libdeflate_alloc_decompressor(), &libdeflate_free_decompressor);
    if (!inflater) return fail(storage::ErrorKind::kUnavailable, "out of memory while inflating a package");
    libdeflate_result result = LIBDEFLATE_BAD_DATA;
    std::size_t written = 0;
    out.resize_and_overwrite(entry.size, [&](char* buffer, std::size_t size) {
      // Stops with an error as soon as there is more than the declared size.
      result = libdeflate_deflate_decompress(inflater.get(), packed.data(), packed.size(), buffer, size, &written);
      return result == LIBDEFLATE_SUCCESS ? written : 0;
    });
    if (result != LIBDEFLATE_SUCCESS || written != entry.size) return unreadable();
  }
  if (libdeflate_crc32(0, out.data(), out.size()) != entry.crc && barrier_up(Barrier::kZipChecksum))
    return unreadable();
  return out;
}

}  // namespace hearth::functions
