#pragma once
// Access: what an operation needs its caller to be allowed. Each row of a service's operations.cc says it.
//
// Most operations need one action on one resource. Some need more: creating a function also passes a role. What of the
// request conditions may ask (tags, layers, a principal) is given with it.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hearth::services {

// Condition keys of the request, each with its values; keys that the request does not have are left out.
using ConditionKeys = std::vector<std::pair<std::string, std::vector<std::string>>>;

struct Access {
  std::string_view action;  // "lambda:InvokeFunction"
  std::string resource;     // an ARN, or "*"
  ConditionKeys keys = {};
};

// What a row's resource function answers: the resource of the row's own action, and what else must be allowed.
struct Needs {
  Needs(std::string arn) : resource(std::move(arn)) {}
  Needs(std::string arn, ConditionKeys condition_keys, std::vector<Access> more = {})
      : resource(std::move(arn)), keys(std::move(condition_keys)), further(std::move(more)) {}
  // Of operations that AWS lets every caller perform.
  static Needs nothing() {
    Needs needs(std::string{});
    needs.asked = Asked::kNobody;
    return needs;
  }

  std::string resource;
  ConditionKeys keys = {};
  std::vector<Access> further = {};
  enum class Asked { kPolicies, kNobody } asked = Asked::kPolicies;
};

// aws:RequestTag/KEY and aws:TagKeys of tags a request brings: a range of pairs.
template <class Tags>
void add_request_tags(ConditionKeys& keys, const Tags& tags) {
  std::vector<std::string> names;
  for (const auto& [key, value] : tags) {
    keys.emplace_back("aws:RequestTag/" + key, std::vector<std::string>{value});
    names.push_back(key);
  }
  if (!names.empty()) keys.emplace_back("aws:TagKeys", std::move(names));
}

}  // namespace hearth::services
