#pragma once
// Guard: keeps web pages away from the API.
//
// With auth "open" nothing but the machine's boundary protects Hearth, and a browser on that machine runs strangers'
// code: any page can send requests to 127.0.0.1, and by DNS rebinding even read the answers under a name of its own. So
// only a Host that is loopback or configured is answered, and a request that a page of another origin caused is
// refused. No CORS permission is ever given. With auth "enforced" any Host is fine, since a page has no key to sign
// with; the pages below /_hearth/ stay guarded.
//
// Tests: guard_test.cc

#include <optional>
#include <string>
#include <vector>

#include "net/http.h"

namespace hearth::gateway {

enum class AuthMode : std::uint8_t { kOpen, kEnforced };

class Guard {
 public:
  // `host_names`: further names this server answers to, besides loopback ones; in any case, without port.
  Guard(AuthMode mode, const std::vector<std::string>& host_names);

  // A sentence why the request is refused (403), or nothing.
  std::optional<std::string> refusal(const net::HttpHead& head) const;

 private:
  bool is_known_host(std::string_view name) const;

  AuthMode mode_;
  std::vector<std::string> host_names_;
};

// 127.0.0.0/8, ::1, localhost, *.localhost.
bool is_loopback_name(std::string_view name);

}  // namespace hearth::gateway
