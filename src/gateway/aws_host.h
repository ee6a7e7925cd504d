#pragma once
// AWS host names: which service and region a Host header or a TLS name means.

#include <string>
#include <string_view>

namespace hearth::gateway {

// Whether `name` (lower case, no port) is amazonaws.com, api.aws, amazonaws.com.cn or below one of them.
bool is_aws_name(std::string_view name);

// A Host header taken apart: lower-case name without brackets or final dot, and port (empty: none).
struct HostName {
  std::string name;
  std::string port;
};
HostName parse_host(std::string_view host_header);

// What a host name says. Empty parts: it does not say.
//   sts.amazonaws.com              sts
//   lambda.us-west-2.amazonaws.com lambda, us-west-2
//   logs.eu-west-1.api.aws         logs, eu-west-1
//   lambda.us-east-1.localhost     lambda, us-east-1
//   key.s3.us-east-1.amazonaws.com s3, us-east-1
// FIPS and dual-stack spellings ("sts-fips", "lambda.dualstack.us-east-1") mean the same service.
struct AwsHost {
  std::string service;  // endpoint prefix
  std::string region;
};
AwsHost parse_aws_host(std::string_view name);

// "us-east-1", "us-gov-west-1", "ap-southeast-2".
bool looks_like_region(std::string_view text);

}  // namespace hearth::gateway
