#pragma once
// ServiceTable: every AWS service this server speaks, and how a request names one.
//
// Adding a service is one line in service_table.cc. Path: gateway.cc -> here -> services::OperationTable

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "services/operation_table.h"
#include "wire/service_model.h"

namespace hearth::gateway {

struct ServiceEntry {
  const wire::ServiceModel* model;
  services::OperationTable operations;
  std::chrono::minutes skew{5};  // how far a signature's clock may be off
  ByteCount max_body = ByteCount::mib(1);
};

// The operation tables of all services, as their factories made them.
struct ServiceOperations {
  services::OperationTable lambda;
  services::OperationTable iam;
  services::OperationTable sts;
  services::OperationTable logs;
};

class ServiceTable {
 public:
  explicit ServiceTable(std::vector<ServiceEntry> entries) : entries_(std::move(entries)) {}

  // Each returns nullptr if no service here is meant.
  const ServiceEntry* by_signing_name(std::string_view name) const;
  const ServiceEntry* by_endpoint_prefix(std::string_view prefix) const;
  const ServiceEntry* by_target(std::string_view target) const;            // X-Amz-Target
  const ServiceEntry* by_api_version(std::string_view api_version) const;  // the query protocol's Version
  const ServiceEntry* by_path(std::string_view method, std::string_view path) const;

  const std::vector<ServiceEntry>& all() const { return entries_; }

 private:
  std::vector<ServiceEntry> entries_;
};

ServiceTable make_service_table(ServiceOperations operations);

// The largest request body of an operation of `service`, and how AWS words it in its 413.
struct BodyLimit {
  ByteCount bytes;
  std::string_view operation;  // as AWS names it there; empty: the service's general limit
  ByteCount stated;            // the limit that the words name
};
BodyLimit body_limit_of(const ServiceEntry& service, const wire::OperationInfo* operation);

}  // namespace hearth::gateway
