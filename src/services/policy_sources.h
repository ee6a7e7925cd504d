#pragma once
// Policy sources: where the policies stand that decide about a request. IAM knows those of callers and roles, Lambda
// those of functions; the gateway asks them.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "policy/evaluate.h"
#include "services/request_context.h"

namespace hearth::services {

// Of a user or role, read once and kept until IAM changes.
struct CallerPolicies {
  policy::Documents identity = {};
  std::shared_ptr<const policy::Document> boundary = {};
  std::map<std::string, std::string> tags = {};
  std::string user_name = {};  // of a user
  std::string role_arn = {};   // of a role's session
};

// Thread: the loop's.
class CallerPolicySource {
 public:
  virtual ~CallerPolicySource() = default;
  // Never nullptr: who is not known has no policies.
  virtual std::shared_ptr<const CallerPolicies> policies_of(const Caller& caller) const = 0;
  // What a session is limited to.
  virtual policy::Documents limits_of(const Caller& caller) const = 0;
};

struct ResourceFacts {
  std::shared_ptr<const policy::Document> policy = {};
  policy::ResourcePolicyRole role = policy::ResourcePolicyRole::kMayGrant;
  std::map<std::string, std::string> tags = {};
};

// Thread: the loop's.
class ResourcePolicySource {
 public:
  virtual ~ResourcePolicySource() = default;
  // Nothing if the resource is none of this source's.
  virtual std::optional<ResourceFacts> facts_of(std::string_view action, const std::string& arn) const = 0;
};

}  // namespace hearth::services
