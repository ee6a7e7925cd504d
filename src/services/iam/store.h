#pragma once
// Store of IAM: the only place that knows its key layout. One JSON row per role, user and policy; one for root keys.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "services/iam/model.h"
#include "storage/store.h"

namespace hearth::services::iam {

// Errors of every method: storage::ErrorKind. Thread: the loop's.
class IamStore {
 public:
  explicit IamStore(storage::Store& store) : store_(store) {}

  // Everything, at start: account id -> account.
  Result<std::map<std::string, Account>> load() const;

  Status put(std::string_view account, const Role& role);
  Status put(std::string_view account, const User& user);
  Status put(std::string_view account, const Policy& policy);
  Status put_root_keys(std::string_view account, const std::vector<AccessKey>& keys);
  Status erase_role(std::string_view account, std::string_view name);
  Status erase_user(std::string_view account, std::string_view name);
  Status erase_policy(std::string_view account, std::string_view arn);
  // Everything but root keys.
  Status clear();
  // How often something was changed.
  std::uint64_t changes() const { return changes_; }

 private:
  Status write(std::string_view space, std::string_view account, std::string_view name, std::string row);
  Status erase(std::string_view space, std::string_view account, std::string_view name);

  storage::Store& store_;
  std::uint64_t changes_ = 1;
};

}  // namespace hearth::services::iam
