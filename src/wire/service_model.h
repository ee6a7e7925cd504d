#pragma once
// ServiceModel: what the gateway must know about an AWS service to find the operation a request asks for.
//
// Every operation of the service stands in it, with a flag that says whether this build has a handler: an operation
// that exists on AWS and not here is answered 501 naming itself, one that exists nowhere as AWS answers it. The tables
// are generated from models/ (`wire::lambda::model()`), constant, and safe to read from any thread.
//
// Path: gateway -> here -> services::OperationTable        Tests: service_model_test.cc

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wire/aws_error.h"
#include "wire/pattern.h"

namespace hearth::wire {

enum class Protocol { kRestJson, kJson10, kJson11, kQuery, kRestXml, kEc2, kRpcV2Cbor };

// Whether this build decodes and encodes `protocol`. Event streams are no protocol of their own: an operation that
// needs one cannot have a handler yet (the generator refuses it).
bool is_supported(Protocol protocol);
std::string_view to_string(Protocol protocol);

enum class Handled { kNo, kYes };

struct OperationInfo {
  std::string_view name = {};
  std::string_view method = {};
  std::string_view uri = {};  // "/2015-03-31/functions/{FunctionName}/versions"; "{Key+}" is greedy
  int status = 200;
  Handled handled = Handled::kNo;
  int segments = 0;  // of the path; 0: any number, since a label is greedy
};

// A modelled error: `make_error(kResourceNotFoundException, "Function not found: ...")`.
struct ErrorShape {
  std::string_view code = {};
  int status = 400;
  Fault fault = Fault::kSender;
  MessageMember message_member = MessageMember::kLower;
  bool with_type = false;
};
AwsError make_error(const ErrorShape& shape, std::string message);

using Labels = std::vector<std::pair<std::string, std::string>>;

struct RouteMatch {
  const OperationInfo* operation = nullptr;
  Labels labels;  // percent-decoded, by label name; goes into Call::labels
};

struct ServiceModel {
  std::string_view name = {};             // "lambda": the name in models/ and src/services/
  std::string_view service_id = {};       // "Lambda", "CloudWatch Logs"
  std::string_view signing_name = {};     // in the credential scope
  std::string_view endpoint_prefix = {};  // first label of the host name
  std::string_view api_version = {};      // "2015-03-31"; the `Version` parameter of query
  std::string_view target_prefix = {};    // X-Amz-Target: "Logs_20140328"
  std::string_view xml_namespace = {};
  Protocol protocol = Protocol::kRestJson;
  ErrorShape validation_error = {};                // what constraint violations are reported as
  std::span<const OperationInfo> operations = {};  // sorted by name
  std::span<const Pattern> patterns = {};          // every pattern the decoders use

  // The operation called `name`; nullptr if the service has none.
  const OperationInfo* find_by_name(std::string_view name) const;
  // By the X-Amz-Target header ("Logs_20140328.CreateLogGroup"); any prefix of the right form is accepted.
  const OperationInfo* find_by_target(std::string_view target) const;
  // By method and path of a rest protocol. `path` is as sent, percent-encoded, without the query; `query` is decoded
  // and decides between operations that share a path. A literal segment beats a label, which beats a greedy label.
  // `operation` is nullptr if nothing matches.
  RouteMatch find_operation(std::string_view method, std::string_view path,
                            std::span<const std::pair<std::string, std::string>> query) const;
};

// 501: AWS has the operation, this build has no handler.
AwsError unhandled_operation(const ServiceModel& model, const OperationInfo& operation);
// What AWS answers when there is no such operation. `asked`: action, target, or method and path.
AwsError unknown_operation(const ServiceModel& model, std::string_view asked);

}  // namespace hearth::wire
