#pragma once
// RequestContext: what every handler may know about the request besides its members.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace hearth::services {

// What a session was limited to when it was made: policy documents, and managed policies by ARN. Only what one of them
// allows is allowed.
struct SessionLimits {
  std::vector<std::string> documents;
  std::vector<std::string> policy_arns;
};

// Who signed the request, as far as authentication found out.
struct Caller {
  std::string account;     // 12 digits
  std::string arn;         // "arn:aws:iam::123456789012:root", ".../user/x", "arn:aws:sts::...:assumed-role/r/session"
  std::string user_id;     // GetCallerIdentity's UserId
  std::string access_key;  // empty for a function's endpoint without credentials
  bool is_function = false;                               // came through a function's own endpoint
  std::shared_ptr<const SessionLimits> limits = nullptr;  // nullptr: none
};

struct RequestContext {
  std::string request_id;  // UUID, answered as x-amzn-RequestId
  std::string account;     // the account the request acts in: the caller's
  std::string region;      // from the signature's credential scope
  Caller caller;
  TimePoint now;
  // Scheme and authority the client used ("http://127.0.0.1:4566"), for links in answers (Code.Location).
  std::string endpoint;
  std::string user_agent;
  std::string source_ip = {};  // empty at a function's endpoint
  // Where sentences for Hearth-Warning headers of the answer are collected, also of error answers. Owned by whoever
  // runs the request; nullptr: nobody listens.
  std::vector<std::string>* warnings = nullptr;
  void warn(std::string sentence) const {
    if (warnings != nullptr) warnings->push_back(std::move(sentence));
  }
};

}  // namespace hearth::services
