#pragma once
// What IAM keeps: roles, users and policies of an account, as plain values.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"

namespace hearth::services::iam {

using Tags = std::map<std::string, std::string>;

// What roles and users have in common: who they are, and the policies they carry.
struct Principal {
  std::string name;
  std::string path = "/";
  std::string id;  // "AROA..." or "AIDA..."
  std::string arn;
  TimePoint created;
  Tags tags;
  std::map<std::string, std::string> inline_policies;  // name -> document
  std::set<std::string> attached;                      // policy ARNs
  std::string permissions_boundary;                    // policy ARN; empty: none
};

struct Role : Principal {
  std::string trust_policy;
  std::string description;
  std::int32_t max_session_s = 3600;
};

struct AccessKey {
  std::string id;  // "AKIA..."
  std::string secret;
  std::string status = "Active";
  TimePoint created;
};

struct User : Principal {
  std::vector<AccessKey> keys;
};

struct PolicyVersion {
  std::string id;  // "v1"
  std::string document;
  TimePoint created;
};

struct Policy {
  std::string name;
  std::string path = "/";
  std::string id;  // "ANPA..."
  std::string arn;
  std::string description;
  TimePoint created;
  TimePoint updated;
  Tags tags;
  std::vector<PolicyVersion> versions;  // newest last
  std::string default_version = "v1";
  std::uint32_t next_version = 2;
};

// Everything of one account. The root user's keys stand in `root_keys`.
struct Account {
  std::map<std::string, Role> roles;       // by name
  std::map<std::string, User> users;       // by name
  std::map<std::string, Policy> policies;  // by ARN
  std::vector<AccessKey> root_keys;
};

}  // namespace hearth::services::iam
