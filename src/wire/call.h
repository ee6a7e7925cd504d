#pragma once
// Call and EncodedReply: one AWS API request and answer between the gateway and a service's generated codec.
//
// The gateway fills a Call from an HTTP request once it knows the service and operation; the generated
// `decode_<operation>` turns it into a typed request, `encode_<operation>` a typed reply into an EncodedReply.
// Neither knows sockets.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/header.h"

namespace hearth::wire {

struct Call {
  std::string method;
  std::string path;                                         // percent-encoded, as sent, without the query
  std::vector<std::pair<std::string, std::string>> labels;  // path labels by member location name, decoded
  std::vector<std::pair<std::string, std::string>> query;   // query parameters, decoded, in order
  std::vector<Header> headers;
  std::string body;

  std::string_view header(std::string_view name) const {
    const std::string* value = find_header(headers, name);
    return value ? std::string_view(*value) : std::string_view();
  }
};

struct EncodedReply {
  int status = 200;
  std::vector<Header> headers;  // Content-Type included; request-id headers are the gateway's
  std::string body;
};

}  // namespace hearth::wire
