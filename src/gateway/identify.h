#pragma once
// Identify: which service and region a request is for.
//
// An AWS host name decides where there is one (sts.eu-west-1.amazonaws.com); else the signature's scope; else what the
// request looks like (X-Amz-Target, the query protocol's Version, a known path). Tests: identify_test.cc

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/service_table.h"
#include "net/http.h"
#include "wire/sigv4.h"

namespace hearth::gateway {

// A request target taken apart. Views into it.
struct Target {
  std::string_view path;   // percent-encoded as sent
  std::string_view query;  // without '?'
};
Target split_target(std::string_view target);

using Parameters = std::vector<std::pair<std::string, std::string>>;

// Everything identification looks at. `form`: the decoded body when it is a form, else empty.
struct RequestSigns {
  const net::HttpHead& head;
  Target target;
  const Parameters& query;
  const Parameters& form;
  const std::optional<wire::SignatureClaim>& claim;
};

struct Identified {
  const ServiceEntry* service = nullptr;
  std::string region;
  std::string foreign_service;  // the AWS service that is meant, if it is known and not offered here
};
Identified identify(const ServiceTable& table, const RequestSigns& signs, const std::string& default_region);

// The protocol that best fits a request to no known service, for the words of its refusal.
wire::Protocol guess_protocol(const RequestSigns& signs);

// Whether `region` can be one: lower-case letters, digits and hyphens, at most 32.
bool is_region_name(std::string_view region);

const std::string* find_parameter(const Parameters& parameters, std::string_view name);
bool is_form(const net::HttpHead& head);

}  // namespace hearth::gateway
