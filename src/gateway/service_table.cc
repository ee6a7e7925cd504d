#include "gateway/service_table.h"

#include <algorithm>
#include <utility>

#include "wire/generated/iam.h"
#include "wire/generated/lambda.h"
#include "wire/generated/logs.h"
#include "wire/generated/sts.h"

namespace hearth::gateway {
namespace {

using std::chrono::minutes;

// Lambda's own limit for requests that carry a package: 50 MB as base64, and the rest of the request.
constexpr ByteCount kPackageRequest{70'167'211};
// Lambda refuses payloads over 6,291,556 bytes itself and says how many there were, so a little more must pass here.
constexpr ByteCount kInvokePayload{6'291'556};
constexpr ByteCount kInvokeRequest{kInvokePayload.value + 1'048'576};

template <class Predicate>
const ServiceEntry* find(const std::vector<ServiceEntry>& entries, Predicate predicate) {
  const auto found = std::ranges::find_if(entries, predicate);
  return found == entries.end() ? nullptr : &*found;
}

}  // namespace

ServiceTable make_service_table(ServiceOperations operations) {
  std::vector<ServiceEntry> entries;
  entries.push_back({&wire::lambda::model(), std::move(operations.lambda), minutes(5), kPackageRequest});
  entries.push_back({&wire::iam::model(), std::move(operations.iam), minutes(15), ByteCount::mib(1)});
  entries.push_back({&wire::sts::model(), std::move(operations.sts), minutes(15), ByteCount::mib(1)});
  entries.push_back({&wire::logs::model(), std::move(operations.logs), minutes(5), ByteCount::mib(4)});
  return ServiceTable(std::move(entries));
}

const ServiceEntry* ServiceTable::by_signing_name(std::string_view name) const {
  return find(entries_, [&](const ServiceEntry& entry) { return entry.model->signing_name == name; });
}

const ServiceEntry* ServiceTable::by_endpoint_prefix(std::string_view prefix) const {
  return find(entries_, [&](const ServiceEntry& entry) { return entry.model->endpoint_prefix == prefix; });
}

const ServiceEntry* ServiceTable::by_target(std::string_view target) const {
  const std::string_view prefix = target.substr(0, target.rfind('.'));
  return find(entries_, [&](const ServiceEntry& entry) {
    return !entry.model->target_prefix.empty() && entry.model->target_prefix == prefix;
  });
}

const ServiceEntry* ServiceTable::by_api_version(std::string_view api_version) const {
  return find(entries_, [&](const ServiceEntry& entry) {
    return entry.model->protocol == wire::Protocol::kQuery && entry.model->api_version == api_version;
  });
}

const ServiceEntry* ServiceTable::by_path(std::string_view method, std::string_view path) const {
  if (path == "/") return nullptr;
  return find(entries_, [&](const ServiceEntry& entry) {
    return entry.model->protocol == wire::Protocol::kRestJson &&
           entry.model->find_operation(method, path, {}).operation != nullptr;
  });
}

BodyLimit body_limit_of(const ServiceEntry& service, const wire::OperationInfo* operation) {
  if (operation == nullptr) return {service.max_body, {}, service.max_body};
  if (service.model->name == "lambda" && operation->name == "Invoke")
    return {kInvokeRequest, "InvokeFunction", kInvokePayload};
  return {service.max_body, operation->name, service.max_body};
}

}  // namespace hearth::gateway
