#include "functions/elf_file.h"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "base/unique_fd.h"

namespace hearth::functions {
namespace {

// A whole file, mapped for reading. The trees it is used on never change.
class MappedFile {
 public:
  explicit MappedFile(const std::string& path) {
    const UniqueFd file(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    struct stat info{};
    if (!file || fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode) || info.st_size == 0) return;
    const auto size = static_cast<std::size_t>(info.st_size);
    void* address = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (address != MAP_FAILED) bytes_ = std::string_view(static_cast<const char*>(address), size);
  }
  ~MappedFile() {
    if (!bytes_.empty()) munmap(const_cast<char*>(bytes_.data()), bytes_.size());  // munmap takes no const
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::string_view bytes() const { return bytes_; }

 private:
  std::string_view bytes_;
};

template <class Struct>
std::optional<Struct> read_at(std::string_view bytes, std::uint64_t offset) {
  if (offset > bytes.size() || sizeof(Struct) > bytes.size() - offset) return std::nullopt;
  Struct value;
  std::memcpy(&value, bytes.data() + offset, sizeof(Struct));
  return value;
}

std::string machine_name(std::uint16_t machine) {
  switch (machine) {
    case EM_X86_64:
      return "x86_64";
    case EM_AARCH64:
      return "aarch64";
    case EM_386:
      return "i386";
    case EM_ARM:
      return "arm";
    case EM_PPC64:
      return "ppc64";
    case EM_S390:
      return "s390x";
    case EM_RISCV:
      return "riscv";
    default:
      return fmt::format("machine {:#x}", machine);
  }
}

std::optional<std::string_view> section(std::string_view bytes, const Elf64_Shdr& header) {
  if (header.sh_offset > bytes.size() || header.sh_size > bytes.size() - header.sh_offset) return std::nullopt;
  return bytes.substr(header.sh_offset, header.sh_size);
}

std::vector<std::string> dynamic_symbols(std::string_view bytes, const Elf64_Ehdr& elf) {
  constexpr std::size_t kMostSymbols = 1'000'000;
  std::vector<std::string> names;
  const auto section_header = [&](std::uint64_t index) {
    return elf.e_shoff > bytes.size() ? std::nullopt
                                      : read_at<Elf64_Shdr>(bytes, elf.e_shoff + index * sizeof(Elf64_Shdr));
  };
  for (std::uint64_t i = 0; i < elf.e_shnum; ++i) {
    const auto table = section_header(i);
    if (!table || table->sh_type != SHT_DYNSYM) continue;
    const auto strings_header = section_header(table->sh_link);
    if (!strings_header) continue;
    const auto symbols = section(bytes, *table);
    const auto strings = section(bytes, *strings_header);
    if (!symbols || !strings) continue;
    for (std::size_t at = 0; at + sizeof(Elf64_Sym) <= symbols->size() && names.size() < kMostSymbols;
         at += sizeof(Elf64_Sym)) {
      const auto symbol = read_at<Elf64_Sym>(*symbols, at);
      if (symbol->st_name == 0 || symbol->st_name >= strings->size()) continue;
      const std::string_view rest = strings->substr(symbol->st_name);
      const std::size_t end = rest.find('\0');
      if (end != std::string_view::npos && end < 512) names.emplace_back(rest.substr(0, end));
    }
  }
  return names;
}

}  // namespace

std::optional<ElfFacts> read_elf(const std::string& path) {
  const MappedFile file(path);
  return parse_elf(file.bytes());
}

std::optional<ElfFacts> parse_elf(std::string_view bytes) {
  if (!bytes.starts_with(std::string_view(ELFMAG, SELFMAG)) || bytes.size() < EI_NIDENT + 4) return std::nullopt;
  ElfFacts facts;
  facts.bits = bytes[EI_CLASS] == ELFCLASS64 ? 64 : 32;
  const bool little = bytes[EI_DATA] == ELFDATA2LSB;
  // e_machine has the same place in both classes.
  const auto low = static_cast<unsigned char>(bytes[18]);
  const auto high = static_cast<unsigned char>(bytes[19]);
  facts.machine = machine_name(static_cast<std::uint16_t>(little ? low | (high << 8) : high | (low << 8)));
  if (facts.bits == 64 && little) {
    if (const auto header = read_at<Elf64_Ehdr>(bytes, 0)) facts.symbols = dynamic_symbols(bytes, *header);
  }
  return facts;
}

}  // namespace hearth::functions
