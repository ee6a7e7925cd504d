// Function packages: no bytes make the reader go past them, past its limits, or disagree with itself.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "functions/elf_file.h"
#include "functions/zip_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hearth::functions;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  (void)parse_elf(bytes);
  const CodeLimits limits{.unpacked = hearth::ByteCount{100'000}, .entries = 100};
  const auto reader = ZipReader::open(bytes, limits);
  if (!reader) return 0;
  std::uint64_t unpacked = 0;
  for (const ZipEntry& entry : reader->entries()) {
    if (entry.path.empty() || entry.path.front() == '/' || entry.path == ".." || entry.path.starts_with("../"))
      std::abort();
    const auto content = reader->inflate(entry);
    if (content && content->size() != entry.size) std::abort();
    unpacked += entry.size;
  }
  if (unpacked != reader->unpacked_bytes() || unpacked >= limits.unpacked.value) std::abort();
  return 0;
}
