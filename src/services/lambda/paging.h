#pragma once
// Paging: the markers of lists, and how many entries a page has.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "services/lambda/errors.h"

namespace hearth::services::lambda {

inline constexpr std::size_t kPageSize = 50;  // at most, whatever MaxItems says, as on AWS

inline std::size_t page_limit(const std::optional<std::int32_t>& max_items) {
  return max_items ? std::clamp(static_cast<std::size_t>(*max_items), std::size_t{1}, kPageSize) : kPageSize;
}

// A marker names the last entry that was shown.
inline std::string make_marker(const std::string& last) { return base64_encode(last); }

// That name; empty: from the beginning. Errors: ErrorKind::kInvalidParameter.
inline Result<std::string> read_marker(const std::optional<std::string>& marker) {
  if (!marker || marker->empty()) return std::string();
  auto last = base64_decode(*marker);
  if (!last) return fail(ErrorKind::kInvalidParameter, "The marker is not one that this operation gave.");
  return *std::move(last);
}

}  // namespace hearth::services::lambda
