#pragma once
// Merging: the trees of several layers as the one that a function sees at /opt.
//
// Later trees win: a file or link of a later one takes the place of whatever an earlier one had under that name, and
// folders are joined. Files are hard links to those of the trees, so that a merged tree takes no space of its own.
//
// Path: functions/code_store.cc -> here        Tests: code_store_test.cc

#include <string>
#include <vector>

#include "base/result.h"
#include "storage/file_system.h"

namespace hearth::functions {

// Makes the folder `target` (its parent exists) and fills it. Blocks: for a pool thread. On failure a part of the tree
// may be left; remove_tree() it. Errors: storage::ErrorKind::kUnavailable.
Status merge_trees(const std::vector<std::string>& trees, const std::string& target,
                   const storage::FileSystem& files = storage::FileSystem());

}  // namespace hearth::functions
