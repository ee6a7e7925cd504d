#include "gateway/identify.h"

#include <algorithm>

#include "gateway/aws_host.h"

namespace hearth::gateway {
namespace {

// The query protocol's parameters stand in the form, or in the query of a GET.
const std::string* find_either(const RequestSigns& signs, std::string_view name) {
  const std::string* found = find_parameter(signs.form, name);
  return found ? found : find_parameter(signs.query, name);
}

}  // namespace

Target split_target(std::string_view target) {
  const std::size_t mark = target.find('?');
  if (mark == std::string_view::npos) return {target, {}};
  return {target.substr(0, mark), target.substr(mark + 1)};
}

const std::string* find_parameter(const Parameters& parameters, std::string_view name) {
  for (const auto& [key, value] : parameters) {
    if (key == name) return &value;
  }
  return nullptr;
}

bool is_form(const net::HttpHead& head) {
  const std::string_view type = head.header("content-type");
  return equals_ignore_case(type.substr(0, type.find(';')), "application/x-www-form-urlencoded");
}

bool is_region_name(std::string_view region) {
  return !region.empty() && region.size() <= 32 && std::ranges::all_of(region, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

Identified identify(const ServiceTable& table, const RequestSigns& signs, const std::string& default_region) {
  Identified out;
  const HostName host = parse_host(signs.head.header("host"));
  const AwsHost aws = parse_aws_host(host.name);
  const bool real_aws_name = is_aws_name(host.name);
  if (!aws.service.empty()) {
    out.service = table.by_endpoint_prefix(aws.service);
    if (!out.service && real_aws_name) out.foreign_service = aws.service;
  }
  if (!out.service && out.foreign_service.empty() && signs.claim) {
    out.service = table.by_signing_name(signs.claim->service);
    if (!out.service) out.foreign_service = signs.claim->service;
  }
  if (!out.service && out.foreign_service.empty()) {
    const std::string_view target = signs.head.header("x-amz-target");
    if (!target.empty()) out.service = table.by_target(target);
    if (!out.service) out.service = table.by_path(signs.head.method, signs.target.path);
    if (const std::string* version = find_either(signs, "Version"); !out.service && version) {
      out.service = table.by_api_version(*version);
    }
  }

  if (signs.claim) {
    out.region = signs.claim->region;
  } else if (!aws.region.empty()) {
    out.region = aws.region;
  } else {
    out.region = real_aws_name ? "us-east-1" : default_region;  // global names live there
  }
  return out;
}

wire::Protocol guess_protocol(const RequestSigns& signs) {
  if (!signs.head.header("x-amz-target").empty()) return wire::Protocol::kJson11;
  if (find_either(signs, "Action")) return wire::Protocol::kQuery;
  return wire::Protocol::kRestJson;
}

}  // namespace hearth::gateway
