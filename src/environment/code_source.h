#pragma once
// CodeSource: where an environment gets the unpacked code of its function; a seam, so that tests need no store.

#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "functions/code_store.h"
#include "functions/function.h"
#include "net/task.h"

namespace hearth::environment {

class CodeSource {
 public:
  virtual ~CodeSource() = default;
  // The folder with the code, readable by all, never changed while it exists.
  virtual net::Task<Result<std::string>> tree(functions::CodePackage code) = 0;
  // The folder with the content of these layers together, later ones winning; empty for none.
  virtual net::Task<Result<std::string>> layers(std::vector<functions::CodePackage> packages) = 0;
};

// The code store as a source. `store` outlives it.
class StoredCode final : public CodeSource {
 public:
  explicit StoredCode(functions::CodeStore& store) : store_(store) {}
  net::Task<Result<std::string>> tree(functions::CodePackage code) override { return store_.tree(std::move(code)); }
  net::Task<Result<std::string>> layers(std::vector<functions::CodePackage> packages) override {
    return store_.layers(std::move(packages));
  }

 private:
  functions::CodeStore& store_;
};

}  // namespace hearth::environment
