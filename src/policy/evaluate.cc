#include "policy/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "policy/operators.h"

namespace hearth::policy {
namespace {

// How closely a resource policy names a requester; what it grants depends on it.
enum class Named : std::uint8_t { kNot, kAccount, kRole, kItself };

// What allows and denies in one document, or in all documents of one layer.
struct Answer {
  bool denied = false;
  Named allowed = Named::kNot;  // kItself where principals do not count

  void add(const Answer& other) {
    denied = denied || other.denied;
    allowed = std::max(allowed, other.allowed);
  }
  bool allows() const { return allowed != Named::kNot; }
};

Named how_named(const PrincipalName& name, const Requester& requester) {
  switch (name.type) {
    case PrincipalType::kEveryone:
      return requester.role_arn.empty() ? Named::kItself : Named::kRole;
    case PrincipalType::kAccount:
      if (requester.account != name.name) return Named::kNot;
      return requester.is_root() ? Named::kItself : Named::kAccount;
    case PrincipalType::kArn:
      if (!requester.arn.empty() && requester.arn == name.name) return Named::kItself;
      return !requester.role_arn.empty() && requester.role_arn == name.name ? Named::kRole : Named::kNot;
    case PrincipalType::kService:
      return !requester.service.empty() && requester.service == name.name ? Named::kItself : Named::kNot;
    case PrincipalType::kOther:
      return Named::kNot;
  }
  check_failed("a known principal type", "");
}

Named how_named(const Principals& principals, const Requester& requester) {
  Named best = Named::kNot;
  for (const PrincipalName& name : principals.names) best = std::max(best, how_named(name, requester));
  if (principals.sense == Sense::kListed) return best;
  return best == Named::kNot ? Named::kRole : Named::kNot;
}

// One decision: its request, and what it has spent.
class Evaluation {
 public:
  Evaluation(const Request& request, Steps& steps)
      : request_(request), action_(to_lower(request.action)), steps_(steps) {}

  Answer answer(const Documents& documents) {
    Answer all;
    for (const auto& document : documents) all.add(answer(*document));
    return all;
  }
  Answer answer(const Document& document);
  bool too_costly() const { return steps_.spent(); }

 private:
  bool covers(const Actions& actions);
  bool covers(const Statement& statement, const Resources& resources);
  bool holds(const Statement& statement, const Condition& condition);
  bool holds_for(const Condition& condition, const std::string& given, bool unresolved_matches);
  // Nothing if a variable has no value.
  std::optional<Glob> resolve(const Template& pattern) const;

  const Request& request_;
  std::string action_;
  Steps& steps_;
};

Answer Evaluation::answer(const Document& document) {
  Answer answer;
  for (const Statement& statement : document.statements) {
    Named named = Named::kItself;
    if (statement.principals) named = how_named(*statement.principals, request_.requester);
    if (named == Named::kNot || !covers(statement.actions)) continue;
    if (statement.resources && !covers(statement, *statement.resources)) continue;
    const bool hold = std::ranges::all_of(statement.conditions,
                                          [&](const Condition& condition) { return holds(statement, condition); });
    if (!hold) continue;
    if (statement.effect == Effect::kDeny) {
      answer.denied = true;
    } else {
      answer.allowed = std::max(answer.allowed, named);
    }
  }
  return answer;
}

bool Evaluation::covers(const Actions& actions) {
  const bool listed =
      std::ranges::any_of(actions.patterns, [&](const Glob& pattern) { return pattern.matches(action_, steps_); });
  return listed == (actions.sense == Sense::kListed);
}

bool Evaluation::covers(const Statement& statement, const Resources& resources) {
  // A pattern whose variable has no value matches nothing; in a list of exceptions from what is allowed it excepts
  // everything, for else who has no name would be allowed more than who has one.
  const bool unresolved = resources.sense == Sense::kNotListed && statement.effect == Effect::kAllow;
  const bool listed = std::ranges::any_of(resources.patterns, [&](const Template& pattern) {
    const auto glob = resolve(pattern);
    return glob ? glob->matches(request_.resource, steps_) : unresolved;
  });
  return listed == (resources.sense == Sense::kListed);
}

std::optional<Glob> Evaluation::resolve(const Template& pattern) const {
  Glob glob;
  for (const Template::Piece& piece : pattern.pieces) {
    glob.append(piece.text);
    if (piece.variable.empty()) continue;
    const std::vector<std::string>* values = request_.context.find(piece.variable);
    if (values && values->size() == 1) {
      glob.append_literal(values->front());
    } else if (piece.fallback) {
      glob.append_literal(*piece.fallback);
    } else {
      return std::nullopt;
    }
  }
  return glob;
}

// Whether one value of the request matches one of the policy's.
bool Evaluation::holds_for(const Condition& condition, const std::string& given, bool unresolved_matches) {
  if (!wildcards_of(condition.op)) {
    return std::ranges::any_of(condition.values, [&](const std::string& wanted) {
      return steps_.take() && satisfies(condition.op, given, wanted);
    });
  }
  const std::string text = condition.op == Operator::kStringEqualsIgnoreCase ? to_lower(given) : given;
  return std::ranges::any_of(condition.patterns, [&](const Template& pattern) {
    const auto glob = resolve(pattern);
    return glob ? glob->matches(text, steps_) : unresolved_matches;
  });
}

bool Evaluation::holds(const Statement& statement, const Condition& condition) {
  const std::vector<std::string>* given = request_.context.find(condition.key);
  const bool missing = !given || given->empty();
  if (condition.op == Operator::kNull) {
    return std::ranges::any_of(condition.values, [&](const std::string& value) {
      return satisfies(Operator::kBool, missing ? "true" : "false", value);
    });
  }
  const bool negated = condition.sense == Sense::kNotListed;
  if (missing) {
    if (condition.quantifier == Quantifier::kForAll || condition.missing == Condition::Missing::kPasses) return true;
    return negated && condition.quantifier == Quantifier::kNone;
  }
  const bool unresolved = negated && statement.effect == Effect::kAllow;
  const auto matches = [&](const std::string& value) { return holds_for(condition, value, unresolved); };
  switch (condition.quantifier) {
    case Quantifier::kNone:
      return std::ranges::any_of(*given, matches) != negated;
    case Quantifier::kForAll:
      return std::ranges::all_of(*given, [&](const std::string& value) { return matches(value) != negated; });
    case Quantifier::kForAny:
      return std::ranges::any_of(*given, [&](const std::string& value) { return matches(value) != negated; });
  }
  check_failed("a known quantifier", "");
}

Decision denied(Layer layer) { return {Verdict::kImplicitDeny, layer}; }

Decision decide(const Policies& policies, const Request& request, Evaluation& evaluation) {
  const Answer identity = evaluation.answer(policies.identity);
  if (identity.denied) return {Verdict::kExplicitDeny, Layer::kIdentity};
  Answer resource;
  if (policies.resource) resource = evaluation.answer(*policies.resource);
  if (resource.denied) return {Verdict::kExplicitDeny, Layer::kResource};
  Answer boundary{.denied = false, .allowed = Named::kItself};
  if (policies.boundary) boundary = evaluation.answer(*policies.boundary);
  if (boundary.denied) return {Verdict::kExplicitDeny, Layer::kBoundary};
  Answer session{.denied = false, .allowed = Named::kItself};
  if (policies.session) session = evaluation.answer(*policies.session);
  if (session.denied) return {Verdict::kExplicitDeny, Layer::kSession};

  const Requester& requester = request.requester;
  const bool same_account = request.resource_account.empty() || request.resource_account == requester.account;
  const bool must_grant =
      (!same_account && requester.service.empty()) || policies.resource_role == ResourcePolicyRole::kMustGrant;
  if (must_grant && !resource.allows()) return denied(Layer::kResource);
  if (!requester.service.empty()) {
    return resource.allows() ? Decision{Verdict::kAllowed, Layer::kResource} : denied(Layer::kResource);
  }
  if (same_account && resource.allowed == Named::kItself) return {Verdict::kAllowed, Layer::kResource};
  const bool granted_to_role = same_account && resource.allowed == Named::kRole;
  // An account's root needs no identity policy.
  if (!granted_to_role && !requester.is_root() && !identity.allows()) return denied(Layer::kIdentity);
  if (!boundary.allows()) return denied(Layer::kBoundary);
  if (!session.allows()) return denied(Layer::kSession);
  return {Verdict::kAllowed, granted_to_role && !identity.allows() ? Layer::kResource : Layer::kIdentity};
}

struct LayerWords {
  std::string_view with_article;
  std::string_view plain;
};

LayerWords words_of(Layer layer) {
  switch (layer) {
    case Layer::kIdentity:
      return {"an identity-based policy", "identity-based policy"};
    case Layer::kBoundary:
      return {"a permissions boundary", "permissions boundary"};
    case Layer::kSession:
      return {"a session policy", "session policy"};
    case Layer::kResource:
      return {"a resource-based policy", "resource-based policy"};
    case Layer::kTooCostly:
      return {"a policy", "policy that is cheap enough to evaluate"};
  }
  check_failed("a known layer", "");
}

}  // namespace

void Context::set(std::string_view key, std::string value) { set(key, std::vector{std::move(value)}); }

void Context::set(std::string_view key, std::vector<std::string> values) { values_[to_lower(key)] = std::move(values); }

const std::vector<std::string>* Context::find(std::string_view key) const {
  if (const auto fill = std::exchange(fill_, nullptr)) {
    Context filled;
    fill(filled);
    values_.merge(filled.values_);
  }
  const auto found = values_.find(key);
  return found == values_.end() ? nullptr : &found->second;
}

Decision evaluate(const Policies& policies, const Request& request) {
  Steps steps;
  return evaluate(policies, request, steps);
}

Decision evaluate(const Policies& policies, const Request& request, Steps& steps) {
  Evaluation evaluation(request, steps);
  const Decision decision = decide(policies, request, evaluation);
  return evaluation.too_costly() ? denied(Layer::kTooCostly) : decision;
}

std::optional<Effect> effect_of(const Document& document, const Request& request) {
  Steps steps;
  return effect_of(document, request, steps);
}

std::optional<Effect> effect_of(const Document& document, const Request& request, Steps& steps) {
  Evaluation evaluation(request, steps);
  const Answer answer = evaluation.answer(document);
  if (answer.denied || evaluation.too_costly()) return Effect::kDeny;
  if (answer.allows()) return Effect::kAllow;
  return std::nullopt;
}

std::string denial_of(const Decision& decision, std::string_view action) {
  const LayerWords words = words_of(decision.layer);
  if (decision.verdict == Verdict::kExplicitDeny) return fmt::format("with an explicit deny in {}", words.with_article);
  return fmt::format("because no {} allows the {} action", words.plain, action);
}

}  // namespace hearth::policy
