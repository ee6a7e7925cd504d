#include "core.h"

#include <fmt/format.h>

#include <utility>

#include "base/check.h"
#include "services/iam/operations.h"
#include "services/lambda/operations.h"
#include "services/logs/operations.h"
#include "services/sts/operations.h"
#include "storage/file_system.h"

namespace hearth::simulation {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds kStopPatience{20};  // as main/server.cc

net::HttpLimits http_limits() {
  net::HttpLimits limits;
  limits.max_connections = 64;
  return limits;
}

}  // namespace

Result<std::unique_ptr<Core>> Core::build(Machine machine, CoreLimits limits, Random random) {
  std::unique_ptr<Core> core(new Core(machine, limits, random));
  TRY_STATUS(core->load());
  return core;
}

net::Task<> Core::run_later(std::chrono::microseconds delay, std::move_only_function<void()> work) {
  co_await net::sleep_for(delay);
  work();
}

// The disk works whenever the server starts.
Core::Stored Core::open() {
  Stored stored;
  stored.store =
      std::make_unique<SimulatedStore>(loop_, alarms_, machine_.disk, random_.split(), machine_.trace, machine_.mutant);
  // As the data folder does: its name is there, whatever happens to what is in it.
  const Status folder = storage::FileSystem().make_folder("blobs", 0700);
  HEARTH_CHECK(folder, folder ? "" : folder.error().message());
  auto blobs = storage::FileBlobStore::open("blobs", storage::FileSystem(&machine_.files), loop_, pool_);
  HEARTH_CHECK(blobs, blobs ? "" : blobs.error().message());
  stored.blobs = *std::move(blobs);
  auto downloads = gateway::CodeDownload::open(*stored.store, *stored.blobs, clock_);
  HEARTH_CHECK(downloads, downloads ? "" : downloads.error().message());
  stored.downloads.emplace(*std::move(downloads));
  return stored;
}

Core::Core(Machine machine, CoreLimits limits, Random random)
    : machine_(machine),
      random_(random),
      log_(machine.log_fd, observe::Level::kInfo, observe::LogFormat::kText),
      pool_([this](std::move_only_function<void()> work) {
        const auto delay = random_.up_to(3ms);
        loop_.spawn(run_later(delay, std::move(work)));
      }),
      stored_(open()),
      runtimes_alive_(loop_),
      iam_(*stored_.store, clock_),
      sts_(*stored_.store, iam_, clock_),
      logs_(*stored_.store, turns_, clock_, log_),
      log_sink_(logs_, machine.mutant),
      registry_(*stored_.store, keys_, clock_),
      layers_(*stored_.store, clock_),
      codes_(loop_, pool_, *stored_.blobs, "trees", functions::CodeLimits{}),
      code_source_(codes_),
      launcher_(loop_, random_.split(), machine.trace, machine.mutant,
                [this](SimulatedLauncher::Process process) {
                  const RuntimeWorld world{loop_, machine_.ledger, machine_.trace, machine_.habits};
                  runtimes_alive_.spawn(live(world, std::move(process), random_.split()));
                }),
      runtime_api_(loop_, log_),
      doors_(runtime_api_),
      admission_(machine.mutant == Mutant::kAdmitsTooMany ? limits.concurrency + 2 : limits.concurrency),
      lookup_(registry_),
      data_plane_(invocation::DataPlaneParts{.pool = pool_,
                                             .control = environment::EnvironmentParts{.loop = loop_,
                                                                                      .turns = turns_,
                                                                                      .alarms = alarms_,
                                                                                      .clock = clock_,
                                                                                      .sandboxes = launcher_,
                                                                                      .code = code_source_,
                                                                                      .runtimes = runtimes_,
                                                                                      .doors = doors_,
                                                                                      .logs = log_sink_,
                                                                                      .log = log_,
                                                                                      .locale = "C.UTF-8"},
                                             .functions = lookup_,
                                             .admission = admission_,
                                             .distant_doors = {},
                                             .times = {},
                                             .limits = {.environments = limits.environments},
                                             .available_memory = [] { return ByteCount::mib(64 * 1024); }},
                  1),
      seam_invoker_(data_plane_, loop_, machine.mutant),
      lambda_(services::lambda::LambdaParts{.loop = loop_,
                                            .turns = turns_,
                                            .pool = pool_,
                                            .store = *stored_.store,
                                            .registry = registry_,
                                            .layers = layers_,
                                            .codes = codes_,
                                            .runtimes = runtimes_,
                                            .invoker = seam_invoker_,
                                            .links = *stored_.downloads,
                                            .roles = roles_,
                                            .log = log_}),
      guard_(gateway::AuthMode::kOpen, {}),
      pages_(gateway::AuthMode::kOpen, "simulated", *this, *this, *stored_.downloads, clock_),
      services_(gateway::make_service_table(
          {.lambda = services::lambda::make_operations(lambda_),
           .iam = services::iam::make_operations(iam_, services::Workers{loop_, pool_}),
           .sts = services::sts::make_operations(sts_),
           .logs = services::logs::make_operations(logs_, services::Workers{loop_, pool_})})),
      authenticator_(gateway::AuthMode::kOpen, {&iam_, &sts_}, loop_, pool_, clock_),
      gateway_(gateway::GatewaySettings{}, guard_, pages_, services_, authenticator_, policy_, *stored_.store, clock_,
               log_),
      http_(loop_, gateway_, http_limits(), log_) {
  registry_.on_change(
      [this](const functions::FunctionKey& key) { data_plane_.on_function_changed(key, registry_.runnable(key)); });
}

Status Core::load() {
  TRY_STATUS(iam_.load());
  TRY_STATUS(sts_.load());
  TRY_STATUS(registry_.load());
  TRY_STATUS(layers_.load());
  if (machine_.mutant == Mutant::kForgetsEvents) return {};
  return lambda_.load();
}

void Core::start() {
  UnixListener listener = listen_on_unix();
  address_ = listener.name;
  http_.serve(std::move(listener.socket));
  data_plane_.start();
  lambda_.start();
}

net::Task<> Core::stop() {
  lambda_.close();
  const SteadyTime patience = clock_.steady_now() + kStopPatience;
  co_await http_.stop(patience);
  co_await data_plane_.stop();
  co_await lambda_.stop();
}

namespace {

void add(std::string& text, std::uint64_t count, std::string_view what) {
  if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, what);
}

}  // namespace

std::string Core::held() const {
  std::string text;
  add(text, data_plane_.environments(), "environments");
  add(text, launcher_.alive_count(), "processes");
  add(text, admission_.in_use(), "admission tickets");
  add(text, http_.connection_count(), "connections");
  add(text, http_.bodies_in_flight().value, "bytes of bodies in flight");
  add(text, stored_.store->waiters(), "waiters for the disk");
  return text;
}

std::string Core::busy() {
  std::string text = held();
  add(text, lambda_.events().waiting(), "waiting events");
  add(text, stored_.store->unsynced(), "unsynced writes");
  return text;
}

std::string Core::leaks() const {
  std::string text = held();
  std::uint64_t undestroyed = 0;
  for (const auto& process : launcher_.processes()) undestroyed += process->is_destroyed() ? 0 : 1;
  add(text, undestroyed, "sandboxes not destroyed");
  add(text, runtimes_alive_.running(), "runtimes");
  return text;
}

}  // namespace hearth::simulation
