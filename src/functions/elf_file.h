#pragma once
// ElfFile: what the header and dynamic symbols of a compiled file say, read defensively: every offset is hostile.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::functions {

struct ElfFacts {
  int bits = 0;                      // 32 or 64
  std::string machine;               // "x86_64", "aarch64", "i386", ... or "machine 0x1234"
  std::vector<std::string> symbols;  // dynamic symbols, defined and undefined; only of 64-bit little-endian files
};

// Nothing if `bytes` are no ELF file.
std::optional<ElfFacts> parse_elf(std::string_view bytes);
// The same of a file. Nothing if `path` cannot be read or is no ELF file. Blocks: for a pool thread.
std::optional<ElfFacts> read_elf(const std::string& path);

}  // namespace hearth::functions
