#include "gateway/aws_host.h"

#include <algorithm>
#include <array>
#include <vector>

namespace hearth::gateway {
namespace {

constexpr std::size_t kLongestRegion = 32;  // as in is_region_name()

// Longest first: "amazonaws.com.cn" must not be taken for a name below "amazonaws.com".
constexpr std::array<std::string_view, 3> kAwsDomains{"amazonaws.com.cn", "amazonaws.com", "api.aws"};

bool below(std::string_view name, std::string_view domain) {
  return name.size() > domain.size() && name.ends_with(domain) && name[name.size() - domain.size() - 1] == '.';
}

}  // namespace

bool is_aws_name(std::string_view name) {
  return std::ranges::any_of(kAwsDomains,
                             [&](std::string_view domain) { return name == domain || below(name, domain); });
}

HostName parse_host(std::string_view host) {
  HostName out;
  std::string_view name = host;
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    if (end == std::string_view::npos) return out;
    name = host.substr(1, end - 1);
    if (end + 1 < host.size() && host[end + 1] == ':') out.port = host.substr(end + 2);
  } else if (const std::size_t colon = host.find(':'); colon != std::string_view::npos && colon == host.rfind(':')) {
    name = host.substr(0, colon);
    out.port = host.substr(colon + 1);
  }
  if (name.ends_with('.')) name.remove_suffix(1);
  out.name = name;
  for (char& c : out.name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool looks_like_region(std::string_view text) {
  // letters-words-digit: at least three parts, the last one or two digits
  if (text.size() > kLongestRegion) return false;
  const std::size_t last = text.rfind('-');
  if (last == std::string_view::npos || text.find('-') == last) return false;
  const std::string_view number = text.substr(last + 1);
  if (number.empty() || number.size() > 2) return false;
  if (!std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; })) return false;
  const std::string_view words = text.substr(0, last);
  return words.find('-') == 2 && words.back() != '-' &&
         std::ranges::all_of(words, [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; });
}

AwsHost parse_aws_host(std::string_view name) {
  AwsHost out;
  std::string_view rest;
  for (const std::string_view domain : kAwsDomains) {
    if (below(name, domain)) {
      rest = name.substr(0, name.size() - domain.size() - 1);
      break;
    }
  }
  if (rest.empty() && below(name, "localhost")) rest = name.substr(0, name.size() - 10);
  if (rest.empty()) return out;

  std::vector<std::string_view> labels;
  for (std::size_t from = 0; from <= rest.size();) {
    const std::size_t to = std::min(rest.find('.', from), rest.size());
    labels.push_back(rest.substr(from, to - from));
    from = to + 1;
  }
  // From the right: region, an optional "dualstack", service; what is further left is the service's own (a bucket).
  if (looks_like_region(labels.back())) {
    out.region = labels.back();
    labels.pop_back();
  }
  if (!labels.empty() && labels.back() == "dualstack") labels.pop_back();
  if (labels.empty()) return out;
  std::string_view service = labels.back();
  if (service.ends_with("-fips")) service.remove_suffix(5);
  out.service = service;
  return out;
}

}  // namespace hearth::gateway
