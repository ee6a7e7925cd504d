// Who is asked for: Host headers, AWS host names, regions and the guard against web pages.
// Lines: the Host header, an Origin header.
#include "fuzz.h"
#include "gateway/aws_host.h"
#include "gateway/guard.h"
#include "gateway/identify.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hearth;
  using namespace hearth::gateway;
  fuzz::Input input(data, size);
  const std::string host = input.line();
  const std::string origin = input.line();
  const HostName name = parse_host(host);
  FUZZ_REQUIRE(name.name.size() + name.port.size() <= host.size());
  for (const char c : name.name) FUZZ_REQUIRE(c < 'A' || c > 'Z');
  const AwsHost aws = parse_aws_host(name.name);
  if (!aws.region.empty()) FUZZ_REQUIRE(looks_like_region(aws.region) && is_region_name(aws.region));
  if (!aws.service.empty()) FUZZ_REQUIRE(name.name.find(aws.service.substr(0, 1)) != std::string::npos);
  if (is_aws_name(name.name)) FUZZ_REQUIRE(!is_loopback_name(name.name));

  // In open mode only loopback names and the one that was configured pass, and never for a page of another origin.
  static const Guard guard(AuthMode::kOpen, {"hearth.internal"});
  const net::HttpHead head{.method = "POST", .target = "/", .headers = {{"Host", host}}};
  if (!guard.refusal(head)) {
    FUZZ_REQUIRE(is_loopback_name(name.name) || name.name == "hearth.internal" || name.name.empty() ||
                 is_aws_name(name.name));
  }
  net::HttpHead page = head;
  page.headers.push_back({"Origin", origin});
  if (!guard.refusal(page)) {
    const bool same = origin.find(name.name) != std::string::npos || origin.empty();
    FUZZ_REQUIRE(same || origin.find("localhost") != std::string::npos || origin.find("127.") != std::string::npos ||
                 !guard.refusal({.method = "POST", .target = "/", .headers = {{"Host", name.name}}}));
  }
  return 0;
}
