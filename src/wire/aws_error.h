#pragma once
// AwsError: an error answer as AWS words it, before a protocol encodes it.

#include <expected>
#include <string>
#include <utility>
#include <vector>

namespace hearth::wire {

enum class Fault { kSender, kReceiver };  // rest-json says Type User/Service, query says Sender/Receiver

// Which members the JSON body of an error has: Lambda's modelled exceptions carry `Type` and `message` or `Message`,
// while front-end errors (ValidationException, signature errors) carry `message` alone.
enum class MessageMember { kLower, kUpper };

struct AwsError {
  std::string code;  // "ResourceNotFoundException"
  std::string message;
  int status = 400;
  Fault fault = Fault::kSender;
  MessageMember message_member = MessageMember::kLower;
  bool with_type = false;                                         // body has Type: "User" | "Service"
  std::vector<std::pair<std::string, std::string>> members = {};  // further string members, such as Reason
  int retry_after_s = 0;                                          // Retry-After header if positive
};

template <class T>
using Outcome = std::expected<T, AwsError>;

}  // namespace hearth::wire
