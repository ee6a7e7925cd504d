#pragma once
// Replies and errors in the form of each protocol.

#include <string>
#include <string_view>

#include "wire/aws_error.h"
#include "wire/call.h"
#include "wire/service_model.h"

namespace hearth::wire {

// A reply with a body of the protocol's own content type; without one if `body` is empty.
EncodedReply make_reply(Protocol protocol, int status, std::string body);

// `error` as `protocol` words it: rest-json and json as a JSON object (with X-Amzn-ErrorType or __type), query as an
// ErrorResponse document in `xml_namespace`. A protocol that is not supported yet is answered as json 1.1.
EncodedReply encode_error(Protocol protocol, const AwsError& error, std::string_view request_id,
                          std::string_view xml_namespace = {});
EncodedReply encode_error(const ServiceModel& model, const AwsError& error, std::string_view request_id);

}  // namespace hearth::wire
