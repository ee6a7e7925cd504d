#include "services/iam/caller_policies.h"

#include <fmt/format.h>

#include <utility>

#include "wire/arn.h"

namespace hearth::services::iam {
namespace {

// More than this many sessions' worth is read again rather than kept.
constexpr std::size_t kMostKept = 10'000;

std::string_view after_last_slash(std::string_view text) { return text.substr(text.rfind('/') + 1); }

// A policy that cannot be read might have denied anything: so it denies everything.
std::shared_ptr<const policy::Document> read_document(std::string_view text, policy::DocumentKind kind) {
  auto document = policy::parse_document(text, kind);
  if (document) return std::make_shared<const policy::Document>(*std::move(document));
  auto closed = policy::parse_document(kind == policy::DocumentKind::kTrust
                                           ? R"({"Statement":{"Effect":"Deny","Principal":"*","Action":"*"}})"
                                           : R"({"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}})",
                                       kind);
  return std::make_shared<const policy::Document>(std::move(closed).value());
}

const PolicyVersion* default_version(const Policy& policy) {
  for (const PolicyVersion& version : policy.versions) {
    if (version.id == policy.default_version) return &version;
  }
  return nullptr;
}

}  // namespace

void PolicyDirectory::refresh() const {
  if (seen_ == iam_.changes() && callers_.size() < kMostKept && documents_.size() < kMostKept) return;
  seen_ = iam_.changes();
  callers_.clear();
  documents_.clear();
}

PolicyDirectory::Known PolicyDirectory::managed(const std::string& account, const std::string& arn) const {
  static const Known kNothing = std::make_shared<const policy::Document>();
  const auto policy = iam_.get_policy(account, arn);
  const PolicyVersion* version = policy ? default_version(*policy) : nullptr;
  return version ? read_document(version->document, policy::DocumentKind::kIdentity) : kNothing;
}

void PolicyDirectory::read_principal(const std::string& account, const Principal& principal,
                                     CallerPolicies& into) const {
  for (const auto& [name, document] : principal.inline_policies) {
    into.identity.push_back(read_document(document, policy::DocumentKind::kIdentity));
  }
  for (const std::string& arn : principal.attached) into.identity.push_back(managed(account, arn));
  if (!principal.permissions_boundary.empty()) into.boundary = managed(account, principal.permissions_boundary);
  into.tags = principal.tags;
}

std::shared_ptr<const CallerPolicies> PolicyDirectory::read(const Caller& caller) const {
  auto made = std::make_shared<CallerPolicies>();
  const auto arn = wire::parse_arn(caller.arn);
  if (!arn) return made;
  if (arn->service == "iam" && arn->resource.starts_with("user/")) {
    const auto user = iam_.get_user(arn->account, std::string(after_last_slash(arn->resource)));
    if (!user || user->arn != caller.arn || user->id != caller.user_id) return made;
    made->user_name = user->name;
    read_principal(arn->account, *user, *made);
    return made;
  }
  // "assumed-role/ROLE/SESSION"
  constexpr std::string_view kSession = "assumed-role/";
  if (arn->service != "sts" || !arn->resource.starts_with(kSession)) return made;
  const std::string_view rest = std::string_view(arn->resource).substr(kSession.size());
  const std::string name(rest.substr(0, rest.find('/')));
  const auto role = iam_.get_role(arn->account, name);
  made->role_arn = role ? role->arn : fmt::format("arn:{}:iam::{}:role/{}", arn->partition, arn->account, name);
  // A role made anew under an old name is another role, and its id tells. A function's endpoint speaks for the role of
  // the function, which is the one that has the name now.
  const bool same = role && (caller.is_function || caller.user_id.starts_with(role->id + ":"));
  if (same) read_principal(arn->account, *role, *made);
  return made;
}

std::shared_ptr<const CallerPolicies> PolicyDirectory::policies_of(const Caller& caller) const {
  refresh();
  std::string key = caller.arn + "\n" + caller.user_id + (caller.is_function ? "\nfunction" : "");
  if (const auto kept = callers_.find(key); kept != callers_.end()) return kept->second;
  return callers_.emplace(std::move(key), read(caller)).first->second;
}

policy::Documents PolicyDirectory::limits_of(const Caller& caller) const {
  policy::Documents limits;
  if (!caller.limits) return limits;
  refresh();
  const auto keep = [&](const std::string& key, const auto& read_it) {
    const auto kept = documents_.find(key);
    limits.push_back(kept != documents_.end() ? kept->second : documents_.emplace(key, read_it()).first->second);
  };
  for (const std::string& text : caller.limits->documents) {
    keep(text, [&] { return read_document(text, policy::DocumentKind::kIdentity); });
  }
  for (const std::string& arn : caller.limits->policy_arns) {
    keep(caller.account + arn, [&] { return managed(caller.account, arn); });
  }
  return limits;
}

std::optional<ResourceFacts> PolicyDirectory::facts_of(std::string_view action, const std::string& arn) const {
  const auto parsed = wire::parse_arn(arn);
  if (!parsed || parsed->service != "iam" || !parsed->resource.starts_with("role/")) return std::nullopt;
  ResourceFacts facts;
  const bool assuming = action == "sts:AssumeRole";
  if (assuming) facts.role = policy::ResourcePolicyRole::kMustGrant;
  const auto role = iam_.get_role(parsed->account, std::string(after_last_slash(parsed->resource)));
  if (!role || role->arn != arn) return facts;
  facts.tags = role->tags;
  if (assuming) {
    refresh();
    const std::string key = "trust\n" + role->trust_policy;
    auto kept = documents_.find(key);
    if (kept == documents_.end()) {
      kept = documents_.emplace(key, read_document(role->trust_policy, policy::DocumentKind::kTrust)).first;
    }
    facts.policy = kept->second;
  }
  return facts;
}

}  // namespace hearth::services::iam
