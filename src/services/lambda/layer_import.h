#pragma once
// Layer imports: how `hearth layer import` hands a package to a server that runs now or later: as a file that carries
// the layer version's ARN as its name, in a folder of the data folder. LayerShelf takes it in from there.
//
// Tests: layer_handlers_test.cc

#include <string>

#include "base/result.h"
#include "services/lambda/layer_names.h"
#include "storage/file_system.h"

namespace hearth::services::lambda {

// The file in that folder.
std::string import_path(const std::string& folder, const LayerRef& ref);

// Checks the package and leaves it in `folder`, which exists, for whoever owns that folder. When this returns, the file
// lasts. Errors: ErrorKind::kInvalidParameter (no ARN of a layer version), functions::ErrorKind::kBadPackage,
// kTooLarge, storage::ErrorKind::kUnavailable.
Status leave_import(const std::string& folder, const std::string& arn, const std::string& zip,
                    const storage::FileSystem& files = storage::FileSystem());

}  // namespace hearth::services::lambda
