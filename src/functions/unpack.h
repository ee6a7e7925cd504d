#pragma once
// Unpacking: from a checked package to a tree on disk.
//
// Files and folders are written first and links last, so that nothing is ever written through a link. Link targets are
// resolved against the package alone (also through its other links): one that leaves the tree is refused before
// anything is written. Everything ends up world-readable: folders 0755, files 0644 or 0755; no other mode bit survives.
//
// Path: functions/code_store.cc -> here -> zip_reader.h        Tests: code_store_test.cc

#include <string>

#include "base/result.h"
#include "functions/zip_reader.h"
#include "storage/file_system.h"

namespace hearth::functions {

// Makes the folder `target` (its parent exists) and fills it. Blocks: for a pool thread. On failure a part of the tree
// may be left; remove_tree() it. Errors: ErrorKind::kBadPackage, storage::ErrorKind::kUnavailable.
Status unpack(const ZipReader& zip, const std::string& target,
              const storage::FileSystem& files = storage::FileSystem());

// Removes a folder and everything below, never following links. Missing is fine.
Status remove_tree(const std::string& path);

}  // namespace hearth::functions
