#pragma once
// The torn end of RocksDB's list of files (its manifest). Internal to storage.
//
// A power cut may leave a file with its new length but without the newest sectors, which then read as zeros. RocksDB
// takes a record that is cut off for the end of the list, but one that ends in zeros for damage, and refuses to open.
// Such a record was never synced, so nothing was done yet that relies on it, and it may go. What is damaged in any
// other way is left alone, for RocksDB to refuse.
//
// Path: rocks_engine.cc -> here        Tests: rocks_manifest_test.cc, tests/crash/power_cut_test.cc

#include <string>

#include "base/result.h"
#include "storage/file_system.h"

namespace hearth::storage {

// Cuts the torn record off the end of the manifest that `folder`/CURRENT names. Returns whether there was one.
// Blocking. Errors: kUnavailable, kCorrupt.
Result<bool> trim_torn_manifest(const FileSystem& files, const std::string& folder);

}  // namespace hearth::storage
