#pragma once
// Request check: what the launcher accepts from the server before it does anything privileged with it.
//
// The server runs without privileges and may be broken or taken over; a request is refused, never trusted. Paths that
// pass here still are resolved with care (base_root.h, mounts.h).
//
// Tests: request_check_test.cc

#include <string_view>

#include "base/result.h"
#include "launcher/protocol.h"

namespace hearth::launcher {

// Error: FailureKind::kRefused, saying which field and why.
Status check_request(const CreateMessage& request);

// Absolute, without "." and ".." parts, doubled or trailing slashes and NUL bytes; not "/" itself.
bool is_plain_absolute_path(std::string_view path);

}  // namespace hearth::launcher
