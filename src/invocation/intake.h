#pragma once
// Intake: what is decided about an invocation before anything runs: its payload, its function, its slot.
//
// Path: data_plane.h, local_invoker.h -> here -> functions/registry.h, admission.h        Tests: local_invoker_test.cc

#include <cstdint>
#include <random>
#include <string_view>

#include "functions/registry.h"
#include "invocation/admission.h"
#include "invocation/invoker.h"
#include "net/thread_pool.h"

namespace hearth::invocation {

// What the invoker needs to know of the registry; a seam, so that tests need no store.
class FunctionLookup {
 public:
  virtual ~FunctionLookup() = default;
  // As functions::Registry has them.
  virtual functions::FunctionSnapshot running(const functions::FunctionKey& key, std::string_view qualifier,
                                              double draw) const = 0;
  virtual functions::FunctionSnapshot find(const functions::FunctionKey& key, std::string_view qualifier) const = 0;
  virtual functions::Registry::Concurrency concurrency(const functions::FunctionKey& key) const = 0;
};

class RegistryLookup final : public FunctionLookup {
 public:
  explicit RegistryLookup(const functions::Registry& registry) : registry_(registry) {}
  functions::FunctionSnapshot running(const functions::FunctionKey& key, std::string_view qualifier,
                                      double draw) const override {
    return registry_.running(key, qualifier, draw);
  }
  functions::FunctionSnapshot find(const functions::FunctionKey& key, std::string_view qualifier) const override {
    return registry_.find(key, qualifier);
  }
  functions::Registry::Concurrency concurrency(const functions::FunctionKey& key) const override {
    return registry_.concurrency(key);
  }

 private:
  const functions::Registry& registry_;
};

// An invocation that will run: what it needs of the control plane, to be taken to any thread.
struct Admitted {
  functions::FunctionSnapshot function;
  AdmissionTicket ticket;
};

// Thread: the loop of `functions` and `admission`, which outlive it.
class Intake {
 public:
  Intake(const FunctionLookup& functions, Admission& admission) : functions_(functions), admission_(admission) {}

  // The payload alone. Errors: kTooLarge, kNotJson.
  static Status check_payload(const InvokeRequest& request);
  // The same, on the pool if it takes long; the request's payload is back when it ends.
  static net::Task<Status> check_payload(InvokeRequest& request, net::Loop& loop, net::ThreadPool& pool);
  // After check_payload(). Errors: kNotFound, kPending, kFailed, kKeyNotFound, kThrottled, kReservedThrottled; the
  // first of them.
  Result<Admitted> admit(const InvokeRequest& request);
  // check_payload() and the same without taking a slot.
  Status check(const InvokeRequest& request) const;
  // As check(), of a request whose payload was checked.
  Status check_admission(const InvokeRequest& request) const;

  // Invocations refused since the start because none was free.
  std::uint64_t throttles() const { return throttles_; }

 private:
  // `draw`, from 0 to below 1, chooses between the versions of an alias.
  Result<functions::FunctionSnapshot> resolve(const InvokeRequest& request, double draw) const;

  const FunctionLookup& functions_;
  Admission& admission_;
  std::minstd_rand draws_{std::random_device{}()};
  std::uint64_t throttles_ = 0;
};

}  // namespace hearth::invocation
