#pragma once
// Core: the server, put together as main/server.cc does, on a simulated machine.
//
// Real: gateway and its HTTP server, all services, registry, code store, blob files, event queue, admission,
// data plane with one loop (placement, pool, environments), Runtime API. Simulated: clocks and timers (kernel.h), the
// rows' disk (simulated_store.h), the launcher and what runs in sandboxes (simulated_launcher.h, runtime.h). Work for
// threads is done on the loop, after a time that the seed chooses. The AWS endpoint inside sandboxes is left out.

#include <memory>
#include <optional>
#include <string>

#include "environment/pool.h"
#include "functions/code_store.h"
#include "functions/registry.h"
#include "gateway/access_policy.h"
#include "gateway/authenticate.h"
#include "gateway/code_download.h"
#include "gateway/gateway.h"
#include "gateway/guard.h"
#include "gateway/platform_pages.h"
#include "gateway/service_table.h"
#include "http_peer.h"
#include "invocation/admission.h"
#include "invocation/data_plane.h"
#include "ledger.h"
#include "mutant.h"
#include "net/gate.h"
#include "net/http_server.h"
#include "net/thread_pool.h"
#include "random.h"
#include "runtime.h"
#include "runtime_api/runtime_api.h"
#include "seams.h"
#include "services/iam/service.h"
#include "services/lambda/service.h"
#include "services/logs/service.h"
#include "services/role_directory.h"
#include "services/sts/service.h"
#include "simulated_launcher.h"
#include "simulated_store.h"
#include "storage/file_blob_store.h"
#include "trace.h"

namespace hearth::simulation {

// What stays when the server goes.
struct Machine {
  Kernel& kernel;
  Trace& trace;
  Ledger& ledger;
  SimulatedDisk& disk;
  storage::DiskWatch& files;  // of packages
  InitHabits& habits;
  int log_fd;
  Mutant mutant = Mutant::kNone;
};

struct CoreLimits {
  std::uint32_t concurrency = 4;
  std::uint32_t environments = 6;
};

// Thread: one. Everything outlives it. It is destroyed after stop(); after a power cut it is never destroyed, since
// nothing of it would have run any more.
class Core final : public gateway::HealthSource, public gateway::Resetter {
 public:
  // Errors: of loading; the server would not start.
  static Result<std::unique_ptr<Core>> build(Machine machine, CoreLimits limits, Random random);

  net::Loop& loop() { return loop_; }
  const std::string& address() const { return address_; }
  void start();
  net::Task<> stop();

  SimulatedStore& store() { return *stored_.store; }
  SimulatedLauncher& launcher() { return launcher_; }
  services::logs::Service& logs() { return logs_; }
  functions::Registry& registry() { return registry_; }
  services::lambda::LambdaService& lambda() { return lambda_; }

  // Says what is still there of what must go when nobody asks anything any more; empty: nothing.
  std::string busy();
  // Of what must be gone once stopped. Events may wait for the next start.
  std::string leaks() const;

  gateway::HealthReport health() const override { return {}; }
  net::Task<> describe(observe::MetricsText&) override { co_return; }
  net::Task<Status> reset() override { co_return Status(); }

 private:
  struct Stored {
    std::unique_ptr<SimulatedStore> store;
    std::unique_ptr<storage::FileBlobStore> blobs;
    std::optional<gateway::CodeDownload> downloads;
  };

  Core(Machine machine, CoreLimits limits, Random random);
  Stored open();
  Status load();
  std::string held() const;
  static net::Task<> run_later(std::chrono::microseconds delay, std::move_only_function<void()> work);

  Machine machine_;
  Random random_;
  SystemClock clock_;
  observe::Logger log_;
  net::Loop loop_{clock_};
  net::FairTurns turns_{loop_, environment::kForeignPiecesPerTurn};
  net::LoopAlarms alarms_{loop_};
  net::ThreadPool pool_;
  Stored stored_;
  // The operator's: the same after every crash.
  storage::KeyRing keys_ = storage::KeyRing::of(std::string(64, 'k'));
  net::Gate runtimes_alive_;

  services::iam::Service iam_;
  services::sts::Service sts_;
  services::logs::Service logs_;
  SeamLogSink log_sink_;
  functions::Registry registry_;
  functions::LayerRegistry layers_;
  functions::CodeStore codes_;
  environment::StoredCode code_source_;
  SimulatedRuntimes runtimes_;
  SimulatedLauncher launcher_;
  runtime_api::RuntimeApi runtime_api_;
  SimulatedDoors doors_;
  invocation::Admission admission_;
  invocation::RegistryLookup lookup_;
  invocation::DataPlane data_plane_;
  SeamInvoker seam_invoker_;
  services::AnyRole roles_;
  services::lambda::LambdaService lambda_;

  gateway::Guard guard_;
  gateway::PlatformPages pages_;
  gateway::ServiceTable services_;
  gateway::Authenticator authenticator_;
  gateway::OpenAccess policy_;
  gateway::Gateway gateway_;
  net::HttpServer http_;
  std::string address_;
};

}  // namespace hearth::simulation
