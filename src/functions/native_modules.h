#pragma once
// Native modules: whether the compiled files of a package can be loaded by the interpreter that will run it.
//
// A wheel built for another Python or machine imports nowhere but where it was built; finding that out at create, with
// the file's name, saves a deployment. Tests: native_modules_test.cc

#include <cstdint>
#include <string>

#include "base/result.h"

namespace hearth::functions {

// What the interpreter in force can load. Empty or zero: does not matter for this runtime.
struct RuntimeAbi {
  std::string runtime;                 // "python3.12", as the function asks for
  std::string interpreter;             // "Python 3.11.2 at /usr/bin/python3", for messages
  std::string python_tag;              // "311": what cpython-NNN file names must say (abi3 always loads)
  std::uint32_t node_modules_abi = 0;  // NODE_MODULE_VERSION
  std::string machine = "x86_64";      // of ELF files
};

// Looks at every native file (.so, .node) below `tree` that lies on an import path of the runtime.
// Errors: ErrorKind::kBadPackage, naming the first file that cannot be loaded and why.
Status check_native_modules(const std::string& tree, const RuntimeAbi& abi);

}  // namespace hearth::functions
