// Checks of policy documents when a policy is stored: what policy/document.h reads.

#include <string>

#include "policy/document.h"
#include "services/iam/errors.h"
#include "services/iam/service.h"

namespace hearth::services::iam {

Status check_policy_document(std::string_view document, DocumentKind kind) {
  const auto read = policy::parse_document(
      document, kind == DocumentKind::kTrust ? policy::DocumentKind::kTrust : policy::DocumentKind::kIdentity);
  if (!read) return fail(ErrorKind::kMalformedPolicy, read.error().message());
  return {};
}

}  // namespace hearth::services::iam
