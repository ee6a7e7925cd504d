#include "services/lambda/layer_import.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "functions/zip_reader.h"
#include "services/lambda/errors.h"
#include "storage/error_kind.h"

namespace hearth::services::lambda {
namespace {

constexpr storage::SyncSite kBytesSite{"layer.bytes"};
constexpr storage::SyncSite kNameSite{"layer.name"};

// Whoever imports may be root, and the server another user.
Status give_to_owner_of(const std::string& folder, const std::string& path) {
  struct stat owner{};
  if (::stat(folder.c_str(), &owner) == 0 &&
      (owner.st_uid == ::geteuid() || ::chown(path.c_str(), owner.st_uid, owner.st_gid) == 0)) {
    return {};
  }
  return fail(storage::ErrorKind::kUnavailable,
              fmt::format("changing the owner of {}: {}", path, std::strerror(errno)));
}

}  // namespace

std::string import_path(const std::string& folder, const LayerRef& ref) { return folder + "/" + ref.arn() + ".zip"; }

Status leave_import(const std::string& folder, const std::string& arn, const std::string& zip,
                    const storage::FileSystem& files) {
  const auto ref = parse_layer_arn(arn);
  if (!ref || ref->number == 0) {
    return fail(
        ErrorKind::kInvalidParameter,
        fmt::format("'{}' is no ARN of a layer version (arn:aws:lambda:REGION:ACCOUNT:layer:NAME:NUMBER)", arn));
  }
  functions::CodeLimits limits;
  limits.zipped = limits.unpacked;
  TRY([[maybe_unused]] const functions::ZipReader zip_reader, functions::ZipReader::open(zip, limits));
  const std::string path = import_path(folder, *ref);
  TRY_STATUS(files.replace(path, zip, 0600, kBytesSite));
  TRY_STATUS(give_to_owner_of(folder, path));
  return files.sync_folder(folder, kNameSite);
}

}  // namespace hearth::services::lambda
