#include "wire/service_model.h"

#include <algorithm>

#include "wire/percent.h"

namespace hearth::wire {
namespace {

// Takes the next segment off a path that begins with '/'.
std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);
  const std::size_t end = std::min(path.find('/'), path.size());
  const std::string_view segment = path.substr(0, end);
  path.remove_prefix(end);
  return segment;
}

struct Score {
  int literals = 0;
  int labels = 0;
  int query = 0;
  auto operator<=>(const Score&) const = default;
};

bool is_label(std::string_view segment) { return segment.starts_with('{') && segment.ends_with('}'); }

// Whether `path` has the form of `pattern` (both without query), and how exactly. Fills no labels.
bool matches(std::string_view pattern, std::string_view path, Score& score) {
  while (!pattern.empty()) {
    if (path.empty()) return false;
    const std::string_view want = take_segment(pattern);
    if (is_label(want)) {
      if (want.ends_with("+}")) {
        path.remove_prefix(1);
        if (path.empty()) return false;
        // A greedy label takes all but what the rest of the pattern needs.
        const auto rest = static_cast<std::size_t>(std::ranges::count(pattern, '/'));
        const auto have = static_cast<std::size_t>(std::ranges::count(path, '/'));
        if (have < rest) return false;
        std::size_t skip = have - rest;
        std::size_t at = 0;
        while (at < path.size() && (path[at] != '/' || skip-- > 0)) ++at;
        path.remove_prefix(at);
        continue;
      }
      if (take_segment(path).empty()) return false;
      ++score.labels;
    } else {
      if (take_segment(path) != want) return false;
      ++score.literals;
    }
  }
  return path.empty();
}

// Decodes the labels of a path that matches. False if an escape in it is malformed.
bool read_labels(std::string_view pattern, std::string_view path, Labels& labels) {
  while (!pattern.empty() && !path.empty()) {
    const std::string_view want = take_segment(pattern);
    std::string_view raw;
    const bool greedy = want.ends_with("+}");
    if (greedy) {
      const auto rest = static_cast<std::size_t>(std::ranges::count(pattern, '/'));
      path.remove_prefix(1);
      auto skip = static_cast<std::size_t>(std::ranges::count(path, '/')) - rest;
      std::size_t at = 0;
      while (at < path.size() && (path[at] != '/' || skip-- > 0)) ++at;
      raw = path.substr(0, at);
      path.remove_prefix(at);
    } else {
      raw = take_segment(path);
    }
    if (!is_label(want)) continue;
    auto value = percent_decode(raw);
    if (!value) return false;
    labels.emplace_back(std::string(want.substr(1, want.size() - (greedy ? 3 : 2))), *std::move(value));
  }
  return true;
}

// Whether the request has every parameter that the URI's own query names ("find=LayerVersion").
bool query_matches(std::string_view wanted, std::span<const std::pair<std::string, std::string>> query, Score& score) {
  while (!wanted.empty()) {
    const std::size_t end = wanted.find('&');
    const std::string_view pair = wanted.substr(0, end);
    wanted = end == std::string_view::npos ? std::string_view() : wanted.substr(end + 1);
    const std::size_t equals = pair.find('=');
    const std::string_view name = pair.substr(0, equals);
    const bool found = std::ranges::any_of(query, [&](const auto& parameter) {
      return parameter.first == name &&
             (equals == std::string_view::npos || parameter.second == pair.substr(equals + 1));
    });
    if (!found) return false;
    ++score.query;
  }
  return true;
}

}  // namespace

bool is_supported(Protocol protocol) {
  switch (protocol) {
    case Protocol::kRestJson:
    case Protocol::kJson10:
    case Protocol::kJson11:
    case Protocol::kQuery:
      return true;
    case Protocol::kRestXml:
    case Protocol::kEc2:
    case Protocol::kRpcV2Cbor:
      return false;
  }
  return false;
}

std::string_view to_string(Protocol protocol) {
  switch (protocol) {
    case Protocol::kRestJson:
      return "rest-json";
    case Protocol::kJson10:
      return "json 1.0";
    case Protocol::kJson11:
      return "json 1.1";
    case Protocol::kQuery:
      return "query";
    case Protocol::kRestXml:
      return "rest-xml";
    case Protocol::kEc2:
      return "ec2";
    case Protocol::kRpcV2Cbor:
      return "rpc-v2-cbor";
  }
  return "unknown";
}

AwsError make_error(const ErrorShape& shape, std::string message) {
  return AwsError{.code = std::string(shape.code),
                  .message = std::move(message),
                  .status = shape.status,
                  .fault = shape.fault,
                  .message_member = shape.message_member,
                  .with_type = shape.with_type};
}

const OperationInfo* ServiceModel::find_by_name(std::string_view wanted) const {
  const auto found = std::ranges::lower_bound(operations, wanted, {}, &OperationInfo::name);
  return found != operations.end() && found->name == wanted ? &*found : nullptr;
}

const OperationInfo* ServiceModel::find_by_target(std::string_view target) const {
  const std::size_t dot = target.rfind('.');
  return dot == std::string_view::npos ? nullptr : find_by_name(target.substr(dot + 1));
}

RouteMatch ServiceModel::find_operation(std::string_view method, std::string_view path,
                                        std::span<const std::pair<std::string, std::string>> query) const {
  RouteMatch best;
  if (!path.starts_with('/')) return best;
  const std::string_view sent = path;  // a greedy label keeps a slash at the end
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const auto segments = static_cast<int>(std::ranges::count(path, '/'));
  Score best_score;
  std::string_view best_pattern;
  std::string_view best_path;
  for (const OperationInfo& operation : operations) {
    if ((operation.segments != 0 && operation.segments != segments) || operation.method != method) continue;
    const std::size_t mark = operation.uri.find('?');
    std::string_view pattern = operation.uri.substr(0, mark);
    if (pattern.size() > 1 && pattern.ends_with('/')) pattern.remove_suffix(1);
    if (pattern.empty()) continue;
    if (!pattern.ends_with('}') && !path.ends_with(pattern.back())) continue;  // most are told apart by this already
    const std::string_view whole = operation.segments == 0 ? sent : path;
    Score score;
    if (!matches(pattern, whole, score)) continue;
    if (mark != std::string_view::npos && !query_matches(operation.uri.substr(mark + 1), query, score)) continue;
    if (best.operation == nullptr || score > best_score) {
      best.operation = &operation;
      best_score = score;
      best_pattern = pattern;
      best_path = whole;
    }
  }
  if (best.operation != nullptr && !read_labels(best_pattern, best_path, best.labels)) return RouteMatch{};
  return best;
}

AwsError unhandled_operation(const ServiceModel& model, const OperationInfo& operation) {
  return AwsError{.code = "NotImplementedException",
                  .message = "Hearth does not implement " + std::string(operation.name) + " of " +
                             std::string(model.service_id) + " yet",
                  .status = 501,
                  .fault = Fault::kReceiver};
}

AwsError unknown_operation(const ServiceModel& model, std::string_view asked) {
  if (model.protocol == Protocol::kQuery) {
    return AwsError{
        .code = "InvalidAction",
        .message = "Could not find operation " + std::string(asked) + " for version " + std::string(model.api_version),
        .status = 400};
  }
  if (model.protocol == Protocol::kRestJson) {
    return AwsError{
        .code = "UnknownOperationException", .message = "Unknown operation: " + std::string(asked), .status = 404};
  }
  return AwsError{.code = "UnknownOperationException", .message = {}, .status = 400};
}

}  // namespace hearth::wire
