#pragma once
// for_each_row(): every entry of a space of the store, as a start reads it.

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "storage/error_kind.h"
#include "storage/key.h"
#include "storage/store.h"

namespace hearth::functions {

// Calls `visit(owner, parts, value)` for each entry in key order; there is at least one part. Errors: what visit()
// gives, storage::ErrorKind::kCorrupt (a key without parts), and what scan() gives.
template <class Visit>
Status for_each_row(storage::Store& store, std::string_view space, const Visit& visit) {
  constexpr std::size_t kStep = 512;
  const std::string prefix = storage::space_prefix(space);
  std::string after;
  for (;;) {
    TRY(const std::vector<storage::Entry> entries, store.scan(prefix, after, kStep));
    for (const storage::Entry& entry : entries) {
      const std::vector<std::string> parts = storage::key_parts(entry.key);
      if (parts.empty()) return fail(storage::ErrorKind::kCorrupt, fmt::format("a key of {} cannot be read", space));
      TRY_STATUS(visit(storage::key_owner(entry.key), parts, entry.value));
    }
    if (entries.size() < kStep) return {};
    after = entries.back().key;
  }
}

}  // namespace hearth::functions
