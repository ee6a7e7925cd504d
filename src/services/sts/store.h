#pragma once
// Store of STS: one row, the key that session tokens are sealed with.

#include <string>

#include "base/result.h"
#include "storage/store.h"

namespace hearth::services::sts {

// The sealing key, 32 random bytes, made at the first call and kept: sessions outlive a restart.
Result<std::string> load_sealing_key(storage::Store& store);

}  // namespace hearth::services::sts
