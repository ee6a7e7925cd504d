#pragma once
// LambdaService: what the Lambda API means: functions created, changed and removed, their packages checked, their
// states settled. No HTTP; handlers turn requests into these calls.
//
// A change is committed before it is answered, in state Pending or with update status InProgress; a task of the service
// then makes sure that the package is unpacked and settles the function. What a crash left unsettled, start() takes up.
//
// Path: services/lambda/*_handlers.cc -> here -> functions/registry.h, functions/code_store.h    Tests: service_test.cc

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "environment/runtime_catalog.h"
#include "functions/code_store.h"
#include "functions/registry.h"
#include "invocation/invoker.h"
#include "net/gate.h"
#include "net/loop.h"
#include "net/one_shot.h"
#include "observe/log.h"
#include "services/lambda/code_links.h"
#include "services/lambda/event_queue.h"
#include "services/lambda/layer_shelf.h"
#include "services/lambda/names.h"
#include "services/lambda/settings.h"
#include "services/operation_table.h"
#include "services/request_context.h"
#include "services/role_directory.h"

namespace hearth::services::lambda {

// What the service is made of; everything outlives it.
struct LambdaParts {
  net::Loop& loop;
  net::FairTurns& turns;  // for long work
  net::ThreadPool& pool;
  storage::Store& store;
  functions::Registry& registry;
  functions::LayerRegistry& layers;
  functions::CodeStore& codes;
  const environment::RuntimeCatalog& runtimes;
  invocation::Invoker& invoker;
  CodeLinks& links;
  const RoleDirectory& roles;
  const observe::Logger& log;
  EventLimits events = {};
  std::uint32_t concurrency = 1000;  // of an account in a region
  std::string imported_layers = {};  // the folder of `hearth layer import`; empty: there is none
};

// Thread: the loop's.
class LambdaService {
 public:
  explicit LambdaService(LambdaParts parts);
  ~LambdaService();
  LambdaService(const LambdaService&) = delete;
  LambdaService& operator=(const LambdaService&) = delete;

  // After Registry::load(): takes up the events of before the start. Errors: as EventQueue::load().
  Status load();
  // Settles what a crash left unsettled, runs events, and removes unused packages from time to time.
  void start();
  // Starts nothing any more. Running events hold stop() up until their environments end.
  void close();
  // close(), and waits for background tasks to end.
  net::Task<> stop();
  // Removes every function, event and package; environments have been stopped.
  net::Task<Status> clear();

  // Errors of all that change: as errors.h lists them, with AWS's messages.
  // What was published is returned, else $LATEST.
  struct NewFunction {
    Settings settings;
    std::map<std::string, std::string> tags;
    std::string zip;
    functions::Publish publish = functions::Publish::kNo;
  };
  net::Task<Result<functions::FunctionSnapshot>> create(const RequestContext& context, FunctionRef ref,
                                                        NewFunction wanted);
  enum class Run { kReal, kDry };
  struct CodeUpdate {
    std::string zip;
    std::optional<std::string> architecture;
    std::optional<std::string> revision_id;
    Run run = Run::kReal;
    functions::Publish publish = functions::Publish::kNo;
  };
  net::Task<Result<functions::FunctionSnapshot>> update_code(const RequestContext& context, FunctionRef ref,
                                                             CodeUpdate update);
  net::Task<Result<functions::FunctionSnapshot>> update_settings(const RequestContext& context, FunctionRef ref,
                                                                 Settings settings,
                                                                 std::optional<std::string> revision_id);
  // The function, or the one version that the reference names.
  Status remove(const FunctionRef& ref);

  // The version a reference means. Errors: ErrorKind::kNotFound ("Function not found: ARN").
  Result<functions::FunctionSnapshot> get(const FunctionRef& ref) const;

  functions::Registry& registry() { return parts_.registry; }
  invocation::Invoker& invoker() { return parts_.invoker; }
  std::uint32_t concurrency_limit() const { return parts_.concurrency; }
  CodeLinks& links() { return parts_.links; }
  EventQueue& events() { return events_; }
  LayerShelf& layers() { return layers_; }
  Workers workers() { return {.loop = parts_.loop, .pool = parts_.pool}; }

 private:
  // The interpreter for `runtime`; says in a warning when it is not the exact one. Errors:
  // ErrorKind::kInvalidParameter.
  Result<functions::RuntimeAbi> choose_runtime(const RequestContext& context, const std::string& runtime) const;
  Status check_role(const RequestContext& context, const std::string& role) const;
  void warn_of_architecture(const RequestContext& context, const std::string& architecture,
                            const functions::RuntimeAbi& abi) const;
  void settle_soon(const functions::FunctionSnapshot& function);
  // Settles what changed; returns what the caller is shown.
  functions::FunctionSnapshot settle_soon(const functions::Registry::Changed& changed);
  net::Task<> settle(functions::FunctionSnapshot function);
  net::Task<> collect_from_time_to_time();

  LambdaParts parts_;
  EventQueue events_;
  LayerShelf layers_;
  net::Gate gate_;
  std::shared_ptr<net::OneShot<bool>> stopping_;  // set once: waits of background tasks end
};

}  // namespace hearth::services::lambda
