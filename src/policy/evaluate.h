#pragma once
// evaluate: whether policies let a caller do something. A pure function of documents and a request, in AWS's order.
//
// An explicit deny anywhere ends it. Then somebody must allow: an identity policy within the permissions boundary and
// the session policies, or the resource's policy. What a resource policy grants inside its own account depends on whom
// it names: a user or a session is granted the action as it stands, a role still within its boundary and session
// policies, an account only lets its identity policies decide. From another account both sides must allow.
//
// Path: gateway/access_policy.cc, services/iam, services/sts -> here -> document.h        Tests: evaluate_test.cc

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/document.h"

namespace hearth::policy {

// What conditions and variables may ask, by key in lower case. A key that is not there is missing.
class Context {
 public:
  void set(std::string_view key, std::string value);
  void set(std::string_view key, std::vector<std::string> values);
  // nullptr if missing. `key` in lower case.
  const std::vector<std::string>* find(std::string_view key) const;
  // Lets `fill` set keys once somebody asks for one: most policies ask for none. What it refers to outlives this.
  void set_when_asked(std::function<void(Context&)> fill) { fill_ = std::move(fill); }

 private:
  mutable std::map<std::string, std::vector<std::string>, std::less<>> values_;
  mutable std::function<void(Context&)> fill_;
};

struct Requester {
  std::string account;   // empty for a service
  std::string arn;       // of a user, of a role's session, or ACCOUNT:root
  std::string role_arn;  // of a role's session: the role; else empty
  std::string service;   // "apigateway.amazonaws.com"; then the others are empty
  bool is_root() const { return arn.ends_with(":root"); }
};

struct Request {
  Requester requester;
  std::string action;            // "lambda:InvokeFunction"
  std::string resource;          // an ARN or "*"
  std::string resource_account;  // who owns the resource; empty: the requester's account
  Context context;
};

using Documents = std::vector<std::shared_ptr<const Document>>;

// Whether somebody else's word is enough, or the resource's policy must allow too (a role's trust policy).
enum class ResourcePolicyRole : std::uint8_t { kMayGrant, kMustGrant };

struct Policies {
  Documents identity = {};
  std::shared_ptr<const Document> boundary = {};  // nullptr: none
  std::optional<Documents> session = {};          // nothing: the session is not limited
  std::shared_ptr<const Document> resource = {};  // nullptr: none
  ResourcePolicyRole resource_role = ResourcePolicyRole::kMayGrant;
};

enum class Verdict : std::uint8_t { kAllowed, kExplicitDeny, kImplicitDeny };
enum class Layer : std::uint8_t { kIdentity, kBoundary, kSession, kResource, kTooCostly };

struct Decision {
  Verdict verdict = Verdict::kImplicitDeny;
  Layer layer = Layer::kIdentity;  // who denied; of an allowed request: who allowed
  bool allowed() const { return verdict == Verdict::kAllowed; }
};

Decision evaluate(const Policies& policies, const Request& request);
// The same, taking from `steps`.
Decision evaluate(const Policies& policies, const Request& request, Steps& steps);

// How one document answers, whoever asks: what a simulation shows of each policy.
std::optional<Effect> effect_of(const Document& document, const Request& request);
std::optional<Effect> effect_of(const Document& document, const Request& request, Steps& steps);

// How AWS words a denial after the resource's name: "because no identity-based policy allows the s3:GetObject action",
// "with an explicit deny in a resource-based policy".
std::string denial_of(const Decision& decision, std::string_view action);

}  // namespace hearth::policy
