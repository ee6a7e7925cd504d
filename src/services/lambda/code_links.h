#pragma once
// CodeLinks: where a client can download a function's package (Code.Location). The gateway implements it.

#include <string>

#include "storage/blob_store.h"

namespace hearth::services {

class CodeLinks {
 public:
  virtual ~CodeLinks() = default;
  // A URL that plain HTTP GET answers with the blob for the next ten minutes, below `endpoint` (the scheme and
  // authority the client used: RequestContext::endpoint).
  virtual std::string link(const storage::BlobId& blob, const std::string& endpoint) = 0;
};

}  // namespace hearth::services
