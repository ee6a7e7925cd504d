#pragma once
// RoleDirectory: whether a service may be given a role. IAM implements it; Lambda asks before it accepts one.

#include <string>

namespace hearth::services {

enum class RoleAnswer {
  kAssumable,
  kMissing,     // there is no such role
  kNotTrusted,  // its trust policy does not name the service
  kNotChecked,  // any well-formed role is taken (open mode)
};

class RoleDirectory {
 public:
  virtual ~RoleDirectory() = default;
  // Whether `service` ("lambda.amazonaws.com") can assume the role.
  virtual RoleAnswer ask(const std::string& role_arn, const std::string& service) const = 0;
};

// Open mode: IAM need not know a role for a function to have it.
class AnyRole final : public RoleDirectory {
 public:
  RoleAnswer ask(const std::string&, const std::string&) const override { return RoleAnswer::kNotChecked; }
};

}  // namespace hearth::services
