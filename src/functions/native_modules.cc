#include "functions/native_modules.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include "functions/elf_file.h"
#include "functions/error_kind.h"
#include "storage/error_kind.h"

namespace hearth::functions {
namespace {

namespace fs = std::filesystem;

bool is_identifier(std::string_view word) {
  const auto is_start = [](unsigned char c) { return c == '_' || (c | 0x20U) - 'a' < 26U || c >= 0x80; };
  return !word.empty() && is_start(static_cast<unsigned char>(word.front())) &&
         std::all_of(word.begin(), word.end(),
                     [&](char c) { return is_start(static_cast<unsigned char>(c)) || (c >= '0' && c <= '9'); });
}

bool has_symbol(const ElfFacts& elf, std::string_view name) {
  return std::find(elf.symbols.begin(), elf.symbols.end(), name) != elf.symbols.end();
}

// Why a file of the wrong machine does not load, if that is what it is.
std::optional<std::string> wrong_machine(const ElfFacts& elf, const RuntimeAbi& abi) {
  if (elf.machine == abi.machine && elf.bits == 64) return std::nullopt;
  return fmt::format("is compiled for {} ({} bit), and this machine is {}. Build the package for {}", elf.machine,
                     elf.bits, abi.machine, abi.machine);
}

// One Python extension module: the files that could be it, and why each cannot be loaded.
struct PythonModule {
  std::string first_file;
  std::string why;
  bool loads = false;
};

// "311" as people write it: "3.11".
std::string dotted(std::string_view tag) {
  return tag.size() < 2 ? std::string(tag) : fmt::format("{}.{}", tag.substr(0, 1), tag.substr(1));
}

class PythonModules {
 public:
  explicit PythonModules(const RuntimeAbi& abi) : abi_(abi) {}

  // `relative`: below the tree, ends in ".so", all its folders are identifiers.
  void look_at(const std::string& tree, const fs::path& relative) {
    const std::string file = relative.filename().string();
    const std::size_t dot = file.find('.');
    const std::string name = file.substr(0, dot);
    if (!is_identifier(name)) return;
    const std::string suffix = file.substr(dot);  // ".cpython-312-x86_64-linux-gnu.so", ".abi3.so", ".so"
    constexpr std::string_view kTag = ".cpython-";
    const bool tagged = suffix.starts_with(kTag);
    if (!tagged && suffix != ".abi3.so" && suffix != ".so") return;  // "libx.so" yes, "libx.1.so" is never imported
    const auto elf = read_elf(tree + "/" + relative.string());
    if (suffix == ".so" && !(elf && has_symbol(*elf, "PyInit_" + name))) return;  // a plain library

    PythonModule& module = modules_[relative.parent_path() / name];
    if (module.first_file.empty()) module.first_file = relative.string();
    const auto why = tagged ? why_not_tagged(suffix.substr(kTag.size()), elf) : why_not(elf);
    if (!why) {
      module.loads = true;
    } else if (module.why.empty()) {
      module.why = *why;
    }
  }

  const PythonModule* first_unloadable() const {
    for (const auto& [path, module] : modules_) {
      if (!module.loads) return &module;
    }
    return nullptr;
  }

 private:
  std::optional<std::string> why_not(const std::optional<ElfFacts>& elf) const {
    if (!elf) return fmt::format("is not a Linux library. Build the package on Linux for {}", abi_.machine);
    return wrong_machine(*elf, abi_);
  }
  // `rest`: "312-x86_64-linux-gnu.so", "312.so", "36m-x86_64-linux-gnu.so"
  std::optional<std::string> why_not_tagged(std::string_view rest, const std::optional<ElfFacts>& elf) const {
    const std::string_view tag = rest.substr(0, rest.find_first_of("-."));
    if (!abi_.python_tag.empty() && tag != abi_.python_tag) {
      return fmt::format(
          "is compiled for Python {}, and {} runs here on {}, which cannot load it. Install the package's dependencies "
          "for "
          "Python {} (pip install --only-binary=:all: --python-version {} --target ...), or add the exact Python "
          "version",
          dotted(tag), abi_.runtime, abi_.interpreter, dotted(abi_.python_tag), dotted(abi_.python_tag));
    }
    if (rest.find("-linux-musl") != std::string_view::npos) {
      return "is compiled for musl (Alpine Linux). Install the manylinux build of the package";
    }
    return why_not(elf);
  }

  const RuntimeAbi& abi_;
  std::map<fs::path, PythonModule> modules_;
};

// Whether a path of a Node.js package is one of several prebuilt for other platforms, of which one is picked at run
// time.
bool is_prebuilt_choice(const fs::path& relative) {
  return std::none_of(relative.begin(), relative.end(), [](const fs::path& part) { return part == "build"; });
}

std::optional<std::string> why_node_cannot_load(const std::string& path, const RuntimeAbi& abi) {
  const auto elf = read_elf(path);
  if (!elf) return fmt::format("is not a Linux library. Run npm install on Linux for {}", abi.machine);
  if (auto why = wrong_machine(*elf, abi)) return why;
  if (has_symbol(*elf, "napi_register_module_v1") || has_symbol(*elf, "napi_module_register")) return std::nullopt;
  constexpr std::string_view kRegister = "node_register_module_v";
  for (const std::string& symbol : elf->symbols) {
    if (!symbol.starts_with(kRegister)) continue;
    std::uint32_t version = 0;
    const char* end = symbol.data() + symbol.size();
    const auto parsed = std::from_chars(symbol.data() + kRegister.size(), end, version);
    if (parsed.ec != std::errc() || parsed.ptr != end || abi.node_modules_abi == 0) continue;
    if (version == abi.node_modules_abi) return std::nullopt;
    return fmt::format(
        "is compiled for another Node.js (NODE_MODULE_VERSION {}), and {} runs here on {}, which needs {}. "
        "Rebuild it with that Node.js version (npm rebuild)",
        version, abi.runtime, abi.interpreter, abi.node_modules_abi);
  }
  return std::nullopt;  // it does not say: let the interpreter decide
}

std::unexpected<Error> refused(const std::string& file, const std::string& why) {
  return fail(ErrorKind::kBadPackage, fmt::format("The native module '{}' of the deployment package {}.", file, why));
}

}  // namespace

Status check_native_modules(const std::string& tree, const RuntimeAbi& abi) {
  const bool python = abi.runtime.starts_with("python");
  const bool node = abi.runtime.starts_with("nodejs");
  if (abi.runtime.starts_with("provided")) {
    if (const auto elf = read_elf(tree + "/bootstrap")) {
      if (const auto why = wrong_machine(*elf, abi)) {
        return fail(ErrorKind::kBadPackage, fmt::format("The file 'bootstrap' of the deployment package {}.", *why));
      }
    }
    return {};
  }
  if (!python && !node) return {};

  PythonModules modules(abi);
  std::vector<fs::path> addons;
  std::error_code error;
  fs::recursive_directory_iterator item(tree, error);
  for (; !error && item != fs::recursive_directory_iterator(); item.increment(error)) {
    const fs::path& path = item->path();
    const auto status = item->symlink_status(error);
    if (error) break;
    if (fs::is_directory(status)) {
      if (python && !is_identifier(path.filename().string()))
        item.disable_recursion_pending();  // no package can lie there
      continue;
    }
    if (!fs::is_regular_file(status)) continue;
    const fs::path relative = path.lexically_relative(tree);
    if (python && path.extension() == ".so") modules.look_at(tree, relative);
    if (node && path.extension() == ".node" && !is_prebuilt_choice(relative)) addons.push_back(relative);
  }
  if (error) return fail(storage::ErrorKind::kUnavailable, fmt::format("reading {}: {}", tree, error.message()));

  if (const PythonModule* module = modules.first_unloadable()) return refused(module->first_file, module->why);
  std::sort(addons.begin(), addons.end());
  for (const fs::path& addon : addons) {
    if (const auto why = why_node_cannot_load(tree + "/" + addon.string(), abi)) return refused(addon.string(), *why);
  }
  return {};
}

}  // namespace hearth::functions
