#include "policy/document.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <set>
#include <utility>

#include "base/bytes.h"
#include "policy/operators.h"
#include "wire/arn.h"

namespace hearth::policy {
namespace {

namespace json = boost::json;

constexpr std::string_view kSyntax = "Syntax errors in policy.";

std::unexpected<Error> malformed(std::string message) { return fail(ErrorKind::kMalformed, std::move(message)); }
std::unexpected<Error> syntax() { return malformed(std::string(kSyntax)); }

// One reading of a document: its kind and version decide what its parts may be.
class Reader {
 public:
  explicit Reader(DocumentKind kind) : kind_(kind) {}
  Result<Document> read(std::string_view text);

 private:
  Result<Statement> read_statement(const json::value& value) const;
  Status read_actions(const json::object& from, Statement& into) const;
  Status read_resources(const json::object& from, Statement& into) const;
  Status read_principals(const json::object& from, Statement& into) const;
  Status read_conditions(const json::value& value, Statement& into) const;
  Result<Template> read_template(std::string_view text, Glob::Wildcards wildcards) const;

  DocumentKind kind_;
  bool has_variables_ = false;
};

// A string, or a list of strings that is not empty.
Result<std::vector<std::string>> strings_of(const json::value& value) {
  std::vector<std::string> all;
  if (value.is_string()) return std::vector{std::string(value.as_string())};
  if (!value.is_array() || value.as_array().empty()) return syntax();
  for (const json::value& item : value.as_array()) {
    if (!item.is_string()) return syntax();
    all.emplace_back(item.as_string());
  }
  return all;
}

// The values of a condition: booleans and numbers count as what they are written as. The list may be empty.
Result<std::vector<std::string>> condition_values(const json::value& value) {
  const auto text_of = [](const json::value& item) -> std::optional<std::string> {
    if (item.is_string()) return std::string(item.as_string());
    if (item.is_bool() || item.is_number()) return json::serialize(item);
    return std::nullopt;
  };
  std::vector<std::string> all;
  if (!value.is_array()) {
    auto one = text_of(value);
    if (!one) return syntax();
    return std::vector{*std::move(one)};
  }
  for (const json::value& item : value.as_array()) {
    auto one = text_of(item);
    if (!one) return syntax();
    all.push_back(*std::move(one));
  }
  return all;
}

// The element called `name` or "Not" + `name`. Errors: both are there.
struct Element {
  const json::value* value = nullptr;
  Sense sense = Sense::kListed;
};
Result<Element> element_of(const json::object& statement, std::string_view name) {
  const json::value* listed = statement.if_contains(name);
  const json::value* excluded = statement.if_contains("Not" + std::string(name));
  if (listed && excluded) return syntax();
  if (excluded) return Element{excluded, Sense::kNotListed};
  return Element{listed, Sense::kListed};
}

bool is_account(std::string_view text) {
  return text.size() == 12 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

Result<PrincipalName> principal_of(std::string_view type, const std::string& name) {
  const auto invalid = [&] { return malformed(fmt::format("Invalid principal in policy: \"{}\":\"{}\"", type, name)); };
  if (name.empty()) return invalid();
  if (type == "Service") return PrincipalName{PrincipalType::kService, name};
  if (type == "Federated" || type == "CanonicalUser") return PrincipalName{PrincipalType::kOther, name};
  if (type != "AWS") return invalid();
  if (name == "*") return PrincipalName{PrincipalType::kEveryone, {}};
  if (is_account(name)) return PrincipalName{PrincipalType::kAccount, name};
  const auto arn = wire::parse_arn(name);
  if (!arn) {
    // What a deleted user or role leaves behind: a unique id, which names nobody any more.
    if (name.starts_with("AIDA") || name.starts_with("AROA")) return PrincipalName{PrincipalType::kOther, name};
    return invalid();
  }
  if ((arn->service != "iam" && arn->service != "sts") || !is_account(arn->account)) return invalid();
  if (arn->service == "iam" && arn->resource == "root") return PrincipalName{PrincipalType::kAccount, arn->account};
  if (arn->resource.find('*') != std::string::npos || arn->resource.find('?') != std::string::npos) return invalid();
  return PrincipalName{PrincipalType::kArn, name};
}

}  // namespace

std::string to_lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return lower;
}

namespace {

Result<Document> Reader::read(std::string_view text) {
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  if (error || !value.is_object()) {
    return kind_ == DocumentKind::kTrust ? malformed("This policy contains invalid Json") : syntax();
  }
  const json::object& policy = value.as_object();
  constexpr std::array<std::string_view, 3> kElements{"Version", "Id", "Statement"};
  for (const auto& member : policy) {
    if (std::ranges::find(kElements, std::string_view(member.key())) == kElements.end()) return syntax();
  }
  if (const json::value* version = policy.if_contains("Version")) {
    if (!version->is_string() || (version->as_string() != "2012-10-17" && version->as_string() != "2008-10-17")) {
      return malformed("The policy must contain a valid version string");
    }
    has_variables_ = version->as_string() == "2012-10-17";
  }
  if (const json::value* id = policy.if_contains("Id"); id && !id->is_string()) return syntax();
  const json::value* statements = policy.if_contains("Statement");
  if (!statements) return syntax();
  Document document;
  if (!statements->is_array()) {
    TRY(Statement statement, read_statement(*statements));
    document.statements.push_back(std::move(statement));
    return document;
  }
  std::set<std::string, std::less<>> sids;
  for (const json::value& item : statements->as_array()) {
    TRY(Statement statement, read_statement(item));
    if (!statement.sid.empty() && !sids.insert(statement.sid).second) {
      return malformed("Statement IDs (SID) in a single policy must be unique.");
    }
    document.statements.push_back(std::move(statement));
  }
  return document;
}

Result<Statement> Reader::read_statement(const json::value& value) const {
  if (!value.is_object()) return syntax();
  const json::object& from = value.as_object();
  constexpr std::array<std::string_view, 9> kElements{"Sid",       "Effect",   "Principal",   "NotPrincipal", "Action",
                                                      "NotAction", "Resource", "NotResource", "Condition"};
  for (const auto& member : from) {
    if (std::ranges::find(kElements, std::string_view(member.key())) == kElements.end()) return syntax();
  }
  Statement statement;
  if (const json::value* sid = from.if_contains("Sid")) {
    if (!sid->is_string()) return syntax();
    statement.sid = sid->as_string();
  }
  const json::value* effect = from.if_contains("Effect");
  if (!effect || !effect->is_string()) return malformed("Missing required field Effect");
  if (effect->as_string() != "Allow" && effect->as_string() != "Deny") {
    return malformed("Invalid effect: " + std::string(effect->as_string()));
  }
  statement.effect = effect->as_string() == "Allow" ? Effect::kAllow : Effect::kDeny;
  TRY_STATUS(read_principals(from, statement));
  TRY_STATUS(read_actions(from, statement));
  TRY_STATUS(read_resources(from, statement));
  if (const json::value* conditions = from.if_contains("Condition"))
    TRY_STATUS(read_conditions(*conditions, statement));
  return statement;
}

Status Reader::read_actions(const json::object& from, Statement& into) const {
  TRY(const Element element, element_of(from, "Action"));
  if (!element.value) {
    return malformed(kind_ == DocumentKind::kTrust ? "Missing required field Action"
                                                   : "Policy statement must contain actions.");
  }
  into.actions.sense = element.sense;
  TRY(const auto names, strings_of(*element.value));
  for (const std::string& name : names) {
    if (name != "*") {
      const std::size_t colon = name.find(':');
      if (colon == std::string::npos) {
        return malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
      }
      if (name.find(':', colon + 1) != std::string::npos)
        return malformed("Actions/Condition can contain only one colon.");
      const std::string_view vendor = std::string_view(name).substr(0, colon);
      const auto strange = [](char c) {
        const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        return !word && c != '-' && c != '.' && c != '_' && c != '*' && c != '?';
      };
      if (vendor.empty() || std::ranges::any_of(vendor, strange)) {
        return malformed(fmt::format("Vendor {} is not valid", vendor));
      }
    }
    Glob glob;
    glob.append_pattern(to_lower(name), Glob::Wildcards::kAnywhere);
    into.actions.patterns.push_back(std::move(glob));
  }
  return {};
}

Status Reader::read_resources(const json::object& from, Statement& into) const {
  TRY(const Element element, element_of(from, "Resource"));
  if (kind_ == DocumentKind::kTrust) {
    if (element.value) return malformed("Has prohibited field Resource");
    return {};
  }
  if (!element.value) return malformed("Policy statement must contain resources.");
  Resources resources{.sense = element.sense, .patterns = {}};
  TRY(const auto names, strings_of(*element.value));
  for (const std::string& name : names) {
    // Five colons, or a wildcard that may stand for them.
    if (name.find('*') == std::string::npos && std::ranges::count(name, ':') < 5) {
      return malformed(fmt::format("Resource {} must be in ARN format or \"*\".", name));
    }
    if (name != "*" && !name.starts_with("arn:") && !name.starts_with('*') && !name.starts_with("arn*")) {
      return malformed(fmt::format("Resource {} must be in ARN format or \"*\".", name));
    }
    TRY(auto pattern, read_template(name, Glob::Wildcards::kArn));
    resources.patterns.push_back(std::move(pattern));
  }
  into.resources = std::move(resources);
  return {};
}

Status Reader::read_principals(const json::object& from, Statement& into) const {
  TRY(const Element element, element_of(from, "Principal"));
  if (kind_ == DocumentKind::kIdentity) {
    if (element.value) return malformed("Policy document should not specify a principal.");
    return {};
  }
  if (!element.value) return malformed("Missing required field Principal");
  Principals principals{.sense = element.sense, .names = {}};
  if (element.value->is_string()) {
    if (element.value->as_string() != "*") {
      return malformed(
          fmt::format("Invalid principal in policy: \"{}\"", std::string_view(element.value->as_string())));
    }
    principals.names.push_back({PrincipalType::kEveryone, {}});
  } else {
    if (!element.value->is_object() || element.value->as_object().empty()) return syntax();
    for (const auto& [type, value] : element.value->as_object()) {
      TRY(const auto names, strings_of(value));
      for (const std::string& name : names) {
        TRY(auto principal, principal_of(type, name));
        principals.names.push_back(std::move(principal));
      }
    }
  }
  into.principals = std::move(principals);
  return {};
}

Status Reader::read_conditions(const json::value& value, Statement& into) const {
  if (!value.is_object()) return syntax();
  for (const auto& [name, keys] : value.as_object()) {
    TRY(const Condition operation, parse_operator(name));
    if (!keys.is_object()) return syntax();
    for (const auto& [key, values] : keys.as_object()) {
      if (key.find(':') == std::string_view::npos) {
        return malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
      }
      Condition condition = operation;
      condition.key = to_lower(key);
      TRY(condition.values, condition_values(values));
      if (const auto wildcards = wildcards_of(condition.op)) {
        for (const std::string& text : condition.values) {
          TRY(auto pattern,
              read_template(condition.op == Operator::kStringEqualsIgnoreCase ? to_lower(text) : text, *wildcards));
          condition.patterns.push_back(std::move(pattern));
        }
      } else {
        TRY_STATUS(check_values(condition));
      }
      into.conditions.push_back(std::move(condition));
    }
  }
  return {};
}

// "home/${aws:username}", "${aws:username, 'nobody'}", and ${*}, ${?}, ${$} for the characters themselves.
Result<Template> Reader::read_template(std::string_view text, Glob::Wildcards wildcards) const {
  Template made;
  Template::Piece piece;
  while (true) {
    const std::size_t open = has_variables_ ? text.find("${") : std::string_view::npos;
    piece.text.append_pattern(text.substr(0, open), wildcards, open == std::string_view::npos ? '\0' : '$');
    if (open == std::string_view::npos) break;
    const std::size_t close = text.find('}', open);
    if (close == std::string_view::npos) return syntax();
    std::string_view inside = text.substr(open + 2, close - open - 2);
    text.remove_prefix(close + 1);
    if (inside == "*" || inside == "?" || inside == "$") {
      piece.text.append_literal(inside);
      continue;
    }
    if (const std::size_t comma = inside.find(','); comma != std::string_view::npos) {
      const std::size_t from = inside.find('\'', comma);
      const std::size_t to = inside.rfind('\'');
      if (from == std::string_view::npos || to <= from) return syntax();
      piece.fallback = std::string(inside.substr(from + 1, to - from - 1));
      inside = inside.substr(0, comma);
    }
    while (!inside.empty() && inside.back() == ' ') inside.remove_suffix(1);
    while (!inside.empty() && inside.front() == ' ') inside.remove_prefix(1);
    if (inside.empty()) return syntax();
    piece.variable = to_lower(inside);
    made.pieces.push_back(std::exchange(piece, {}));
  }
  made.pieces.push_back(std::move(piece));
  return made;
}

}  // namespace

Result<Document> parse_document(std::string_view text, DocumentKind kind) { return Reader(kind).read(text); }

}  // namespace hearth::policy
