#pragma once
// ZipBuilder: makes archives for tests, well-formed ones and hostile ones.

#include <libdeflate.h>
#include <sys/stat.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::functions {

class ZipBuilder {
 public:
  struct Options {
    std::uint32_t mode = 0100644;  // Unix type and permission bits
    std::uint8_t host = 3;         // Unix; 0: FAT, whose modes do not count
    bool deflate = false;
    std::uint16_t flags = 0;
    std::uint16_t method = 0xFFFF;             // instead of what deflate says
    std::uint32_t declared_size = 0xFFFFFFFF;  // instead of the real one
    std::uint32_t crc_change = 0;              // xored into the real CRC
    std::string local_name = {};               // instead of the name, in the local header
  };

  ZipBuilder& add(const std::string& name, std::string_view content) { return add(name, content, Options{}); }
  ZipBuilder& add(const std::string& name, std::string_view content, Options options) {
    std::string packed(content);
    if (options.deflate) {
      const std::unique_ptr<libdeflate_compressor, decltype(&libdeflate_free_compressor)> compressor(
          libdeflate_alloc_compressor(6), &libdeflate_free_compressor);
      packed.resize(libdeflate_deflate_compress_bound(compressor.get(), content.size()));
      packed.resize(
          libdeflate_deflate_compress(compressor.get(), content.data(), content.size(), packed.data(), packed.size()));
    }
    const std::uint16_t method = options.method != 0xFFFF ? options.method : options.deflate ? 8 : 0;
    const std::uint32_t crc = libdeflate_crc32(0, content.data(), content.size()) ^ options.crc_change;
    const auto size =
        options.declared_size != 0xFFFFFFFF ? options.declared_size : static_cast<std::uint32_t>(content.size());
    const std::string& local_name = options.local_name.empty() ? name : options.local_name;
    const auto offset = static_cast<std::uint32_t>(bytes_.size());

    bytes_ += u32(0x04034b50) + u16(20) + u16(options.flags) + u16(method) + u16(0) + u16(0x5821) + u32(crc) +
              u32(static_cast<std::uint32_t>(packed.size())) + u32(size) +
              u16(static_cast<std::uint16_t>(local_name.size())) + u16(0) + local_name + packed;
    directory_ += u32(0x02014b50) + u16(static_cast<std::uint16_t>(options.host << 8 | 20)) + u16(20) +
                  u16(options.flags) + u16(method) + u16(0) + u16(0x5821) + u32(crc) +
                  u32(static_cast<std::uint32_t>(packed.size())) + u32(size) +
                  u16(static_cast<std::uint16_t>(name.size())) + u16(0) + u16(0) + u16(0) + u16(0) +
                  u32(options.mode << 16) + u32(offset) + name;
    ++entries_;
    return *this;
  }
  ZipBuilder& add_link(const std::string& name, std::string_view target) {
    return add(name, target, {.mode = 0120777});
  }

  std::string finish() const {
    return bytes_ + directory_ + u32(0x06054b50) + u16(0) + u16(0) + u16(static_cast<std::uint16_t>(entries_)) +
           u16(static_cast<std::uint16_t>(entries_)) + u32(static_cast<std::uint32_t>(directory_.size())) +
           u32(static_cast<std::uint32_t>(bytes_.size())) + u16(0);
  }
  // With zip64 records, which more than 65,534 entries need.
  std::string finish_zip64() const {
    const std::uint64_t end64 = bytes_.size() + directory_.size();
    return bytes_ + directory_ + u32(0x06064b50) + u64(44) + u16(45) + u16(45) + u32(0) + u32(0) + u64(entries_) +
           u64(entries_) + u64(directory_.size()) + u64(bytes_.size()) + u32(0x07064b50) + u32(0) + u64(end64) +
           u32(1) + u32(0x06054b50) + u16(0) + u16(0) + u16(0xFFFF) + u16(0xFFFF) + u32(0xFFFFFFFF) + u32(0xFFFFFFFF) +
           u16(0);
  }

 private:
  template <class Number>
  static std::string little(Number number) {
    std::string bytes;
    for (std::size_t i = 0; i < sizeof(Number); ++i) bytes.push_back(static_cast<char>(number >> (8 * i) & 0xFF));
    return bytes;
  }
  static std::string u16(std::uint16_t number) { return little(number); }
  static std::string u32(std::uint32_t number) { return little(number); }
  static std::string u64(std::uint64_t number) { return little(number); }

  std::string bytes_;
  std::string directory_;
  std::uint64_t entries_ = 0;
};

}  // namespace hearth::functions
