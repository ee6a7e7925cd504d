#include "wire/reply.h"

#include <utility>

#include "wire/json_writer.h"
#include "wire/xml_writer.h"

namespace hearth::wire {
namespace {

std::string_view content_type(Protocol protocol) {
  switch (protocol) {
    case Protocol::kRestJson:
      return "application/json";
    case Protocol::kJson10:
      return "application/x-amz-json-1.0";
    case Protocol::kJson11:
      return "application/x-amz-json-1.1";
    case Protocol::kQuery:
    case Protocol::kEc2:
      return "text/xml";
    case Protocol::kRestXml:
      return "application/xml";
    case Protocol::kRpcV2Cbor:
      return "application/cbor";
  }
  return "application/octet-stream";
}

std::string_view message_name(const AwsError& error) {
  return error.message_member == MessageMember::kUpper ? "Message" : "message";
}

enum class CodePlace { kHeader, kBody };

std::string json_error(const AwsError& error, CodePlace code) {
  JsonWriter writer;
  writer.begin_object();
  if (code == CodePlace::kBody) writer.member("__type", error.code);
  if (error.with_type) writer.member("Type", std::string(error.fault == Fault::kSender ? "User" : "Service"));
  writer.member(message_name(error), error.message);
  for (const auto& [name, value] : error.members) writer.member(name, value);
  writer.end_object();
  return writer.take();
}

std::string query_error(const AwsError& error, std::string_view request_id, std::string_view xml_namespace) {
  XmlWriter writer;
  writer.open("ErrorResponse", xml_namespace);
  writer.open("Error");
  writer.text("Type", error.fault == Fault::kSender ? "Sender" : "Receiver");
  writer.text("Code", error.code);
  writer.text("Message", error.message);
  for (const auto& [name, value] : error.members) writer.text(name, value);
  writer.close("Error");
  writer.text("RequestId", request_id);
  writer.close("ErrorResponse");
  return writer.take();
}

}  // namespace

EncodedReply make_reply(Protocol protocol, int status, std::string body) {
  EncodedReply reply{.status = status, .headers = {}, .body = std::move(body)};
  if (!reply.body.empty()) reply.headers.push_back({"Content-Type", std::string(content_type(protocol))});
  return reply;
}

EncodedReply encode_error(Protocol protocol, const AwsError& error, std::string_view request_id,
                          std::string_view xml_namespace) {
  EncodedReply reply;
  if (protocol == Protocol::kRestJson) {
    reply = make_reply(protocol, error.status, json_error(error, CodePlace::kHeader));
    reply.headers.push_back({"X-Amzn-ErrorType", error.code});
  } else if (protocol == Protocol::kQuery) {
    reply = make_reply(protocol, error.status, query_error(error, request_id, xml_namespace));
  } else {
    const Protocol json = protocol == Protocol::kJson10 ? protocol : Protocol::kJson11;
    reply = make_reply(json, error.status, json_error(error, CodePlace::kBody));
  }
  if (error.retry_after_s > 0) reply.headers.push_back({"Retry-After", std::to_string(error.retry_after_s)});
  return reply;
}

EncodedReply encode_error(const ServiceModel& model, const AwsError& error, std::string_view request_id) {
  return encode_error(model.protocol, error, request_id, model.xml_namespace);
}

}  // namespace hearth::wire
