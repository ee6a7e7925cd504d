#pragma once
// Trace: everything that happened in one simulation, line by line, and the one hash of it all.

#include <openssl/evp.h>

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "kernel.h"

namespace hearth::simulation {

class Trace {
 public:
  enum class Printing : std::uint8_t { kNo, kYes };
  Trace(const Kernel& kernel, Printing printing) : kernel_(kernel), printing_(printing), digest_(EVP_MD_CTX_new()) {
    EVP_DigestInit_ex(digest_.get(), EVP_sha256(), nullptr);
  }

  // Adds "seconds.micros WHO: WHAT".
  void note(std::string_view who, std::string_view what) {
    const auto at_us = std::chrono::duration_cast<std::chrono::microseconds>(kernel_.since_start()).count();
    std::string line =
        std::to_string(at_us / 1'000'000) + "." + std::to_string(1'000'000 + at_us % 1'000'000).substr(1);
    line.append(" ").append(who).append(": ").append(what).append("\n");
    EVP_DigestUpdate(digest_.get(), line.data(), line.size());
    ++lines_;
    if (printing_ == Printing::kYes) std::fputs(line.c_str(), stdout);
  }
  // A promise that was broken.
  void violation(std::string what) {
    note("VIOLATION", what);
    violations_.push_back(std::move(what));
  }

  const std::vector<std::string>& violations() const { return violations_; }
  std::uint64_t lines() const { return lines_; }
  // Once, at the end.
  std::string hash() {
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_DigestFinal_ex(digest_.get(), raw, &size);
    return hex_encode({reinterpret_cast<const char*>(raw), size});
  }

 private:
  struct Freed {
    void operator()(EVP_MD_CTX* digest) const { EVP_MD_CTX_free(digest); }
  };
  const Kernel& kernel_;
  Printing printing_;
  std::unique_ptr<EVP_MD_CTX, Freed> digest_;
  std::vector<std::string> violations_;
  std::uint64_t lines_ = 0;
};

}  // namespace hearth::simulation
