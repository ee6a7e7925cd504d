#pragma once
// The small parts around the simulated server: a runtime catalog and doors without files, and the seams into which
// mutants are put.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "environment/doors.h"
#include "environment/log_sink.h"
#include "environment/runtime_catalog.h"
#include "invocation/invoker.h"
#include "mutant.h"
#include "net/loop.h"
#include "runtime_api/runtime_api.h"
#include "storage/file_system.h"

namespace hearth::simulation {

class SimulatedRuntimes final : public environment::RuntimeCatalog {
 public:
  Result<environment::RuntimeChoice> choose(const std::string& runtime) const override {
    environment::RuntimeChoice choice;
    choice.name = runtime;
    choice.argv = {"/usr/bin/runtime"};
    choice.abi.runtime = runtime;
    choice.interpreter_version = "1.0";
    return choice;
  }
  std::vector<environment::RuntimeStatus> status() const override { return {}; }
};

// The real Runtime API; no AWS endpoint.
class SimulatedDoors final : public environment::Doors {
 public:
  explicit SimulatedDoors(runtime_api::RuntimeApi& api) : api_(api) {}
  std::unique_ptr<environment::OpenDoor> open_runtime_api(environment::Environment& environment,
                                                          UniqueFd listener) override {
    return api_.open(environment, std::move(listener));
  }
  std::unique_ptr<environment::OpenDoor> open_endpoint(environment::EndpointIdentity, UniqueFd, UniqueFd, UniqueFd,
                                                       UniqueFd) override {
    return std::make_unique<environment::OpenDoor>();
  }
  net::Task<environment::WayHome> way_home(environment::EndpointIdentity) override {
    co_return environment::WayHome{.credentials = {}, .trust_bundle_path = "trust"};
  }

 private:
  runtime_api::RuntimeApi& api_;
};

// Between the Lambda API with its event queue and the invoker.
class SeamInvoker final : public invocation::Invoker {
 public:
  SeamInvoker(invocation::Invoker& inner, net::Loop& loop, Mutant mutant)
      : inner_(inner), loop_(loop), mutant_(mutant) {}

  net::Task<Result<invocation::InvokeOutcome>> invoke(invocation::InvokeRequest request) override {
    if (mutant_ == Mutant::kRunsEventsTwice && is_event(request)) {
      auto copy = request;
      loop_.spawn(invoke_unheard(inner_, std::move(copy)));
    }
    const bool for_event = is_event(request);
    Result<invocation::InvokeOutcome> outcome = co_await inner_.invoke(std::move(request));
    if (!outcome) co_return outcome;
    if (mutant_ == Mutant::kLosesRetries && for_event) outcome->function_error.clear();
    if (mutant_ == Mutant::kNeverAnswersFailures && !outcome->function_error.empty()) {
      co_await net::sleep_for(std::chrono::hours(24 * 365));
    }
    if (mutant_ == Mutant::kSwapsAnswers && outcome->function_error.empty()) outcome->payload.swap(last_payload_);
    co_return outcome;
  }
  Status check(const invocation::InvokeRequest& request) override { return inner_.check(request); }

 private:
  static bool is_event(const invocation::InvokeRequest& request) {
    return request.payload.find("\"as\":\"event\"") != std::string::npos;
  }
  static net::Task<> invoke_unheard(invocation::Invoker& inner, invocation::InvokeRequest request) {
    [[maybe_unused]] const auto outcome = co_await inner.invoke(std::move(request));
  }

  invocation::Invoker& inner_;
  net::Loop& loop_;
  const Mutant mutant_;
  std::string last_payload_;
};

// Between environments and the logs service.
class SeamLogSink final : public environment::LogSink {
 public:
  SeamLogSink(environment::LogSink& inner, Mutant mutant) : inner_(inner), mutant_(mutant) {}
  void append(const std::string& account, const std::string& region, const std::string& group,
              const std::string& stream, std::vector<environment::LogLine> lines) override {
    const std::string to = mutant_ == Mutant::kMixesLogs && !last_stream_.empty() ? last_stream_ : stream;
    last_stream_ = stream;
    inner_.append(account, region, group, to, std::move(lines));
  }

 private:
  environment::LogSink& inner_;
  const Mutant mutant_;
  std::string last_stream_;
};

// Between the package files and their disk.
class SeamFiles final : public storage::DiskWatch {
 public:
  SeamFiles(storage::DiskWatch& inner, Mutant mutant) : inner_(inner), mutant_(mutant) {}
  int before(const storage::DiskCall& call) override { return inner_.before(call); }
  void after(const storage::DiskCall& call) override {
    // What was never synced is, to the disk, not there.
    if (mutant_ == Mutant::kSkipsBlobSync && call.operation == storage::DiskOperation::kSync) return;
    inner_.after(call);
  }

 private:
  storage::DiskWatch& inner_;
  const Mutant mutant_;
};

}  // namespace hearth::simulation
