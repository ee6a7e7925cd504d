#include "functions/native_modules.h"

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "functions/elf_file.h"

namespace hearth::functions {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

// A shared object of nothing but a header and dynamic symbols.
std::string elf(std::uint16_t machine, const std::vector<std::string>& names) {
  std::string strings(1, '\0');
  std::string symbols(sizeof(Elf64_Sym), '\0');
  for (const std::string& name : names) {
    Elf64_Sym symbol{};
    symbol.st_name = static_cast<Elf64_Word>(strings.size());
    symbols.append(reinterpret_cast<const char*>(&symbol), sizeof(symbol));
    strings += name + '\0';
  }
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_machine = machine;
  header.e_shnum = 2;
  header.e_shoff = sizeof(header);
  Elf64_Shdr sections[2] = {};
  sections[0].sh_type = SHT_DYNSYM;
  sections[0].sh_link = 1;
  sections[0].sh_offset = sizeof(header) + sizeof(sections);
  sections[0].sh_size = symbols.size();
  sections[1].sh_offset = sections[0].sh_offset + symbols.size();
  sections[1].sh_size = strings.size();
  return std::string(reinterpret_cast<const char*>(&header), sizeof(header)) +
         std::string(reinterpret_cast<const char*>(sections), sizeof(sections)) + symbols + strings;
}

class NativeModulesTest : public testing::Test {
 protected:
  NativeModulesTest() {
    std::string name = (fs::temp_directory_path() / "hearth-native-XXXXXX").string();
    tree_ = mkdtemp(name.data());
  }
  ~NativeModulesTest() override { fs::remove_all(tree_); }

  void put(const std::string& path, const std::string& bytes) {
    fs::create_directories(fs::path(tree_ + "/" + path).parent_path());
    std::ofstream(tree_ + "/" + path, std::ios::binary) << bytes;
  }
  std::string refusal(const RuntimeAbi& abi) {
    const Status status = check_native_modules(tree_, abi);
    return status ? "" : status.error().message();
  }

  std::string tree_;
  const RuntimeAbi python_{
      .runtime = "python3.12", .interpreter = "Python 3.11.2 at /usr/bin/python3", .python_tag = "311"};
  const RuntimeAbi node_{
      .runtime = "nodejs22.x", .interpreter = "Node.js 22.11.0", .python_tag = "", .node_modules_abi = 127};
  const RuntimeAbi provided_{.runtime = "provided.al2023", .interpreter = "", .python_tag = ""};
};

TEST_F(NativeModulesTest, AModuleOfAnotherPythonIsRefusedWithItsNameAndWhatToDo) {
  put("numpy/core/_umath.cpython-312-x86_64-linux-gnu.so", elf(EM_X86_64, {"PyInit__umath"}));
  EXPECT_THAT(
      refusal(python_),
      AllOf(HasSubstr("'numpy/core/_umath.cpython-312-x86_64-linux-gnu.so'"), HasSubstr("compiled for Python 3.12"),
            HasSubstr("Python 3.11.2 at /usr/bin/python3"), HasSubstr("--python-version 3.11")));
}

TEST_F(NativeModulesTest, ModulesOfThisPythonAndTheStableAbiLoad) {
  put("a/_x.cpython-311-x86_64-linux-gnu.so", elf(EM_X86_64, {"PyInit__x"}));
  put("a/_y.abi3.so", elf(EM_X86_64, {"PyInit__y"}));
  put("_z.so", elf(EM_X86_64, {"PyInit__z"}));
  EXPECT_EQ(refusal(python_), "");
}

TEST_F(NativeModulesTest, OneLoadableFileOfAModuleIsEnough) {
  put("a/_x.cpython-312-x86_64-linux-gnu.so", elf(EM_X86_64, {"PyInit__x"}));
  put("a/_x.cpython-311-x86_64-linux-gnu.so", elf(EM_X86_64, {"PyInit__x"}));
  EXPECT_EQ(refusal(python_), "");
}

TEST_F(NativeModulesTest, AModuleOfAnotherMachineIsRefused) {
  put("a/_x.cpython-311-aarch64-linux-gnu.so", elf(EM_AARCH64, {"PyInit__x"}));
  EXPECT_THAT(refusal(python_), AllOf(HasSubstr("aarch64"), HasSubstr("x86_64")));
  fs::remove_all(tree_ + "/a");
  put("_y.so", elf(EM_AARCH64, {"PyInit__y"}));
  EXPECT_THAT(refusal(python_), HasSubstr("'_y.so'"));
}

TEST_F(NativeModulesTest, AModuleForMuslIsRefused) {
  put("_x.cpython-311-x86_64-linux-musl.so", elf(EM_X86_64, {"PyInit__x"}));
  EXPECT_THAT(refusal(python_), HasSubstr("musl"));
}

TEST_F(NativeModulesTest, LibrariesThatAreNotImportedDoNotMatter) {
  put("numpy.libs/libblas.cpython-39.so", elf(EM_AARCH64, {}));  // no package can have this folder's name
  put("tools/arm64/libtool.so", elf(EM_AARCH64, {"tool_run"}));  // loaded by name, not imported
  put("data/libx.so.1", elf(EM_AARCH64, {}));
  EXPECT_EQ(refusal(python_), "");
  EXPECT_EQ(refusal(provided_), "");
}

TEST_F(NativeModulesTest, AnAddonOfAnotherNodeIsRefusedAndNodeApiLoadsAnywhere) {
  put("node_modules/a/build/Release/a.node", elf(EM_X86_64, {"napi_register_module_v1"}));
  put("node_modules/b/prebuilds/darwin-arm64/b.node", "\xCF\xFA\xED\xFE");
  EXPECT_EQ(refusal(node_), "");
  put("node_modules/c/build/Release/c.node", elf(EM_X86_64, {"node_register_module_v115"}));
  EXPECT_THAT(refusal(node_),
              AllOf(HasSubstr("'node_modules/c/build/Release/c.node'"), HasSubstr("115"), HasSubstr("127")));
  put("node_modules/c/build/Release/c.node", elf(EM_X86_64, {"node_register_module_v127"}));
  EXPECT_EQ(refusal(node_), "");
  put("node_modules/c/build/Release/c.node", "\xCF\xFA\xED\xFE mach-o");
  EXPECT_THAT(refusal(node_), HasSubstr("not a Linux library"));
}

TEST_F(NativeModulesTest, ABootstrapOfAnotherMachineIsRefused) {
  put("bootstrap", elf(EM_AARCH64, {}));
  EXPECT_THAT(refusal(provided_), HasSubstr("'bootstrap'"));
  put("bootstrap", "#!/bin/sh\n");
  EXPECT_EQ(refusal(provided_), "");
}

TEST_F(NativeModulesTest, DamagedElfFilesAreReadWithoutHarm) {
  const std::string good = elf(EM_X86_64, {"PyInit__x", "other"});
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string damaged = good;
    damaged[at] = static_cast<char>(0xFF);
    put("x.so", damaged);
    (void)read_elf(tree_ + "/x.so");  // any answer will do; the sanitizers watch
    put("x.so", good.substr(0, at));
    (void)read_elf(tree_ + "/x.so");
  }
  put("x.so", good);
  EXPECT_THAT(read_elf(tree_ + "/x.so")->symbols, testing::ElementsAre("PyInit__x", "other"));
}

}  // namespace
}  // namespace hearth::functions
