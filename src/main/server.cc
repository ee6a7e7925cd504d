#include "main/server.h"

#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <utility>

#include "environment/pool.h"
#include "environment/runtime_catalog_system.h"
#include "environment/variables.h"
#include "functions/code_store.h"
#include "functions/layers.h"
#include "functions/registry.h"
#include "gateway/access_policy.h"
#include "gateway/authenticate.h"
#include "gateway/certificate_authority.h"
#include "gateway/code_download.h"
#include "gateway/function_endpoint.h"
#include "gateway/gateway.h"
#include "gateway/guard.h"
#include "gateway/platform_pages.h"
#include "gateway/service_table.h"
#include "gateway/trust_bundle.h"
#include "invocation/admission.h"
#include "invocation/data_plane.h"
#include "main/control_socket.h"
#include "main/descriptor_limit.h"
#include "main/environment_doors.h"
#include "main/process_signals.h"
#include "main/startup_memory.h"
#include "main/stop_deadline.h"
#include "net/alarm.h"
#include "net/fair_turns.h"
#include "net/gate.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "net/thread_pool.h"
#include "observe/log.h"
#include "sandbox/launcher_client.h"
#include "services/iam/caller_policies.h"
#include "services/iam/operations.h"
#include "services/iam/service.h"
#include "services/lambda/function_policies.h"
#include "services/lambda/layer_policies.h"
#include "services/lambda/operations.h"
#include "services/lambda/service.h"
#include "services/logs/operations.h"
#include "services/logs/service.h"
#include "services/role_directory.h"
#include "services/sts/operations.h"
#include "services/sts/service.h"
#include "storage/file_blob_store.h"
#include "storage/file_system.h"
#include "storage/rocks_store.h"

namespace hearth::main {
namespace {

constexpr std::chrono::seconds kLauncherPatience{10};
constexpr std::chrono::minutes kExpiryPeriod{10};
constexpr std::size_t kExpiryBudget = 10'000;
// glibc gives freed memory back once this much of it lies at the top of the heap.
constexpr int kTrimThresholdBytes = 256 * 1024;

observe::Level level_of(config::LogLevel level) {
  switch (level) {
    case config::LogLevel::kDebug:
      return observe::Level::kDebug;
    case config::LogLevel::kInfo:
      return observe::Level::kInfo;
    case config::LogLevel::kWarn:
      return observe::Level::kWarn;
    case config::LogLevel::kError:
      return observe::Level::kError;
  }
  return observe::Level::kInfo;
}

gateway::AuthMode auth_of(config::AuthMode mode) {
  return mode == config::AuthMode::kOpen ? gateway::AuthMode::kOpen : gateway::AuthMode::kEnforced;
}

// Time for new requests before what is under way has its turn: a few requests.
constexpr std::chrono::microseconds kRequestSlice{300};

net::HttpLimits limits_of(const config::Config& config) {
  net::HttpLimits limits;
  limits.header_deadline = std::chrono::seconds(config.http_header_timeout_s);
  limits.body_deadline = std::chrono::seconds(config.http_body_timeout_s);
  limits.idle_deadline = std::chrono::seconds(config.http_idle_timeout_s);
  limits.max_body = ByteCount::mib(config.limits_upload_mib);
  limits.request_slice = kRequestSlice;
  limits.max_connections = connections_within(raise_descriptor_limit(), config.limits_connections);
  return limits;
}

// Whether functions may have roles that IAM does not know: only where nobody's permissions count.
std::unique_ptr<services::RoleDirectory> role_directory(config::AuthMode mode, const services::iam::Service& iam) {
  if (mode == config::AuthMode::kOpen) return std::make_unique<services::AnyRole>();
  return std::make_unique<services::iam::KnownRoles>(iam);
}

std::unique_ptr<gateway::AccessPolicy> access_policy(config::AuthMode mode,
                                                     const services::iam::PolicyDirectory& directory,
                                                     const services::lambda::FunctionPolicies& functions,
                                                     const services::lambda::LayerPolicies& layers) {
  if (mode == config::AuthMode::kOpen) return std::make_unique<gateway::OpenAccess>();
  return std::make_unique<gateway::EvaluatedAccess>(
      directory, std::vector<const services::ResourcePolicySource*>{&functions, &layers, &directory});
}

// Everything of the running server, built top to bottom and destroyed bottom to top.
class Parts final : public gateway::HealthSource, public gateway::Resetter {
 public:
  // Errors: whatever could not be opened; the message is for the operator.
  static Result<std::unique_ptr<Parts>> build(const config::Loaded& settings, const storage::DataFolder& folder,
                                              const storage::KeyRing& keys, ServerSockets sockets, UniqueFd signals);

  // Starts everything and runs until asked to stop. `tier`: of isolation, which the launcher must confirm.
  int run(const std::string& tier);

  net::Task<> look() override { return runtimes_.refresh(loop_); }
  gateway::HealthReport health() const override;
  net::Task<> describe(observe::MetricsText& metrics) override;
  net::Task<Status> reset() override;

 private:
  struct Stored {
    std::unique_ptr<storage::RocksStore> store;
    std::unique_ptr<storage::FileBlobStore> blobs;
    environment::RuntimeFiles runtime_files;
    std::unique_ptr<gateway::CertificateAuthority> authority;
    gateway::TrustBundle trust;
    gateway::CodeDownload downloads;
  };
  struct Foundation {
    const config::Config& config;
    SystemClock clock;
    observe::Logger log;
    net::Loop loop{clock};
    net::FairTurns turns{loop, environment::kForeignPiecesPerTurn};
    net::LoopAlarms alarms{loop};
    StopDeadline deadline{log};
    net::ThreadPool pool;
    explicit Foundation(const config::Config& settings)
        : config(settings),
          log(STDERR_FILENO, level_of(settings.log_level),
              settings.log_format == config::LogFormat::kJson ? observe::LogFormat::kJson : observe::LogFormat::kText),
          pool(settings.threads) {}
  };

  Parts(const config::Loaded& settings, const storage::DataFolder& folder, const storage::KeyRing& keys,
        std::unique_ptr<Foundation> foundation, Stored stored, ServerSockets sockets, UniqueFd signals);

  invocation::DataPlaneParts data_plane_parts();
  Status load();
  void tell_lost_keys() const;
  Result<std::vector<std::uint16_t>> listen();
  Result<std::vector<UniqueFd>> open_listeners() const;
  net::Task<> start(std::string tier);
  net::Task<> stop();
  bool on_stop_signal();
  bool on_control_message();
  net::Task<> expire_logs();
  void announce(const std::vector<std::uint16_t>& ports) const;
  std::vector<std::string> warnings() const;

  const config::Loaded& settings_;
  const config::Config& config_;
  std::unique_ptr<Foundation> foundation_;
  net::Loop& loop_;
  const observe::Logger& log_;
  const Clock& clock_;
  Stored stored_;
  ServerSockets sockets_;
  UniqueFd signals_;
  net::Gate gate_;
  net::FdWatch signal_watch_;
  net::FdWatch control_watch_;

  services::iam::Service iam_;
  services::sts::Service sts_;
  services::logs::Service logs_;
  functions::Registry registry_;
  functions::LayerRegistry layers_;
  functions::CodeStore codes_;
  environment::StoredCode code_source_;
  environment::SystemRuntimeCatalog runtimes_;
  sandbox::LauncherClient launcher_;
  LateEndpoint late_endpoint_;
  EnvironmentDoors doors_;
  invocation::Admission admission_;
  invocation::RegistryLookup lookup_;
  invocation::DataPlane data_plane_;
  std::unique_ptr<services::RoleDirectory> roles_;
  services::lambda::LambdaService lambda_;

  gateway::Guard guard_;
  gateway::PlatformPages pages_;
  gateway::ServiceTable services_;
  gateway::Authenticator authenticator_;
  services::iam::PolicyDirectory policy_directory_;
  services::lambda::FunctionPolicies function_policies_;
  services::lambda::LayerPolicies layer_policies_;
  std::unique_ptr<gateway::AccessPolicy> policy_;
  gateway::Gateway gateway_;
  gateway::FunctionEndpoint endpoint_;
  net::HttpServer http_;
  std::unique_ptr<net::Alarm> expiry_;
  int status_ = 0;
  bool stopping_ = false;
};

Result<std::unique_ptr<Parts>> Parts::build(const config::Loaded& settings, const storage::DataFolder& folder,
                                            const storage::KeyRing& keys, ServerSockets sockets, UniqueFd signals) {
  auto foundation = std::make_unique<Foundation>(settings.config);
  const storage::FileSystem files;
  storage::RocksStoreOptions options;
  options.path = folder.db();
  options.write_deadline = std::chrono::seconds(settings.config.storage_write_deadline_s);
  options.background_delay = std::chrono::milliseconds(settings.config.storage_background_ms);
  TRY(auto store, storage::RocksStore::open(options, foundation->loop, foundation->log));
  TRY(auto blobs, storage::FileBlobStore::open(folder.blobs(), files, foundation->loop, foundation->pool));
  TRY_STATUS(files.remove_left_over(folder.layers()));
  TRY(auto runtime_files, environment::RuntimeFiles::install(folder.runtimes()));
  TRY(auto authority, gateway::CertificateAuthority::open(folder.tls(), foundation->clock));
  TRY(auto trust, gateway::TrustBundle::open(folder.tls(), authority->certificate_pem(),
                                             gateway::system_trust_bundles(), foundation->clock, foundation->log));
  TRY(auto downloads, gateway::CodeDownload::open(*store, *blobs, foundation->clock));
  Stored stored{std::move(store),     std::move(blobs), std::move(runtime_files),
                std::move(authority), std::move(trust), std::move(downloads)};
  return std::unique_ptr<Parts>(new Parts(settings, folder, keys, std::move(foundation), std::move(stored),
                                          std::move(sockets), std::move(signals)));
}

Parts::Parts(const config::Loaded& settings, const storage::DataFolder& folder, const storage::KeyRing& keys,
             std::unique_ptr<Foundation> foundation, Stored stored, ServerSockets sockets, UniqueFd signals)
    : settings_(settings),
      config_(settings.config),
      foundation_(std::move(foundation)),
      loop_(foundation_->loop),
      log_(foundation_->log),
      clock_(foundation_->clock),
      stored_(std::move(stored)),
      sockets_(std::move(sockets)),
      signals_(std::move(signals)),
      gate_(loop_),
      signal_watch_(loop_, signals_.get()),
      control_watch_(loop_, sockets_.control.get()),
      iam_(*stored_.store, clock_),
      sts_(*stored_.store, iam_, clock_),
      logs_(*stored_.store, foundation_->turns, clock_, log_),
      registry_(*stored_.store, keys, clock_),
      layers_(*stored_.store, clock_),
      codes_(loop_, foundation_->pool, *stored_.blobs, folder.code(), functions::CodeLimits{}),
      code_source_(codes_),
      runtimes_(log_, stored_.runtime_files, environment::CatalogFolders{.runtimes = folder.runtimes()}),
      launcher_(loop_, log_),
      doors_(loop_, loop_, late_endpoint_, log_),
      admission_(config_.limits_concurrency),
      lookup_(registry_),
      data_plane_(data_plane_parts(), config_.data_plane_loops),
      roles_(role_directory(config_.auth, iam_)),
      lambda_(services::lambda::LambdaParts{.loop = loop_,
                                            .turns = foundation_->turns,
                                            .pool = foundation_->pool,
                                            .store = *stored_.store,
                                            .registry = registry_,
                                            .layers = layers_,
                                            .codes = codes_,
                                            .runtimes = runtimes_,
                                            .invoker = data_plane_,
                                            .links = stored_.downloads,
                                            .roles = *roles_,
                                            .log = log_,
                                            .events = {.bytes = ByteCount::mib(config_.limits_events_mib)},
                                            .concurrency = config_.limits_concurrency,
                                            .imported_layers = folder.layers()}),
      guard_(auth_of(config_.auth), config_.hosts),
      pages_(auth_of(config_.auth), HEARTH_VERSION, *this, *this, stored_.downloads, clock_),
      services_(gateway::make_service_table(
          {.lambda = services::lambda::make_operations(lambda_),
           .iam = services::iam::make_operations(iam_, services::Workers{loop_, foundation_->pool}),
           .sts = services::sts::make_operations(sts_),
           .logs = services::logs::make_operations(logs_, services::Workers{loop_, foundation_->pool})})),
      authenticator_(auth_of(config_.auth), {&iam_, &sts_}, loop_, foundation_->pool, clock_),
      policy_directory_(iam_),
      function_policies_(registry_),
      layer_policies_(layers_),
      policy_(access_policy(config_.auth, policy_directory_, function_policies_, layer_policies_)),
      gateway_(gateway::GatewaySettings{.default_region = config_.region}, guard_, pages_, services_, authenticator_,
               *policy_, *stored_.store, clock_, log_),
      endpoint_(loop_, foundation_->turns, gateway_, *stored_.authority, stored_.trust, sts_, clock_, log_),
      http_(loop_, gateway_, limits_of(config_), log_) {
  late_endpoint_.set(endpoint_);
  runtimes_.look_on(foundation_->pool);
  registry_.on_change([this](const functions::FunctionKey& key) {
    data_plane_.on_function_changed(key, registry_.runnable(key));
    if (!registry_.latest(key)) admission_.forget(key);
  });
  expiry_ = foundation_->alarms.make([this] { gate_.spawn(expire_logs()); });
}

invocation::DataPlaneParts Parts::data_plane_parts() {
  const environment::EnvironmentParts control{.loop = loop_,
                                              .turns = foundation_->turns,
                                              .alarms = foundation_->alarms,
                                              .clock = clock_,
                                              .sandboxes = launcher_,
                                              .code = code_source_,
                                              .runtimes = runtimes_,
                                              .doors = doors_,
                                              .logs = logs_,
                                              .log = log_,
                                              .locale = environment::host_locale()};
  return {.pool = foundation_->pool,
          .control = control,
          .functions = lookup_,
          .admission = admission_,
          .distant_doors = [this](net::Loop& loop) -> std::unique_ptr<environment::Doors> {
            return std::make_unique<EnvironmentDoors>(loop, loop_, late_endpoint_, log_);
          },
          .times = {.init_limit = std::chrono::seconds(config_.init_timeout_s),
                    .reclaim_after = std::chrono::minutes(config_.idle_minutes)},
          .limits = {},
          .available_memory = environment::available_host_memory};
}

Status Parts::load() {
  TRY_STATUS(iam_.load());
  TRY_STATUS(sts_.load());
  TRY_STATUS(registry_.load());
  TRY_STATUS(layers_.load());
  tell_lost_keys();
  return lambda_.load();
}

void Parts::tell_lost_keys() const {
  const auto lost = std::ranges::count_if(registry_.all(), [](const auto& f) { return !f->lost_environment.empty(); });
  if (lost == 0) return;
  log_.error("environment variables cannot be decrypted: their key is not in the key file; these functions are Failed",
             {{"versions", std::to_string(lost)}, {"key_file", config_.key_file}});
}

Result<std::vector<UniqueFd>> Parts::open_listeners() const {
  std::vector<UniqueFd> listeners;
  for (const config::ListenAddress& address : config_.listen) {
    auto listener = net::HttpServer::open_listener(address.host, address.port);
    // A machine without IPv6 has no ::1; the default addresses are then what there is.
    const bool optional_address = settings_.origin.find("listen") == settings_.origin.end() && address.host == "::1";
    if (!listener && optional_address && !listener.error().is(net::ListenError::kAddressInUse)) continue;
    if (!listener) return fail(std::move(listener).error().with_context("cannot listen on " + address.text()));
    listeners.push_back(std::move(*listener));
  }
  return listeners;
}

// The sockets of the server that died before this one, else new ones, which the supervisor keeps for the next.
Result<std::vector<std::uint16_t>> Parts::listen() {
  std::vector<UniqueFd> listeners = std::move(sockets_.listeners);
  if (listeners.empty()) {
    TRY(listeners, open_listeners());
  }
  std::vector<int> numbers;
  for (const UniqueFd& listener : listeners) numbers.push_back(listener.get());
  TRY_STATUS(send_sockets(sockets_.control.get(), numbers));
  std::vector<std::uint16_t> ports;
  for (UniqueFd& listener : listeners) {
    TRY(const std::uint16_t port, net::HttpServer::port_of(listener));
    ports.push_back(port);
    http_.serve(std::move(listener));
  }
  return ports;
}

void Parts::announce(const std::vector<std::uint16_t>& ports) const {
  const auto tier = launcher_.tier();
  std::string mechanisms;
  for (const std::string& mechanism : tier.mechanisms) mechanisms += (mechanisms.empty() ? "" : ", ") + mechanism;
  log_.info("isolation in force", {{"tier", tier.name}, {"mechanisms", mechanisms}});
  for (const std::string& warning : warnings()) log_.warn(warning);
  const config::ListenAddress& first = config_.listen.front();
  const config::ListenAddress bound{first.host, ports.front()};
  // The line people and scripts wait for.
  std::printf("hearth " HEARTH_VERSION " is ready on http://%s (data in %s, auth %s, isolation %s)\n",
              bound.text().c_str(), config_.data.c_str(), config_.auth == config::AuthMode::kOpen ? "open" : "enforced",
              tier.name.c_str());
  std::fflush(stdout);
}

net::Task<> Parts::start(std::string tier) {
  data_plane_.start();
  if (sockets_.launcher) launcher_.reconnect(std::move(sockets_.launcher));
  const SteadyTime deadline = clock_.steady_now() + kLauncherPatience;
  Status ready = co_await launcher_.ready(deadline);
  if (ready && launcher_.tier().name != tier) {
    ready = fail(sandbox::ErrorKind::kFailed,
                 fmt::format("the launcher builds sandboxes of tier \"{}\", not \"{}\"", launcher_.tier().name, tier));
  }
  auto ports = ready ? listen() : Result<std::vector<std::uint16_t>>(std::unexpected(ready.error()));
  if (!ports) {
    std::fprintf(stderr, "hearth: %s\n", ports.error().message().c_str());
    status_ = 1;
    co_await stop();
    co_return;
  }
  gate_.spawn(look());  // so that the first request need not wait for it
  lambda_.start();
  expiry_->set(clock_.steady_now() + kExpiryPeriod);
  announce(*ports);
  release_startup_memory();
}

int Parts::run(const std::string& tier) {
  if (auto loaded = load(); !loaded) {
    std::fprintf(stderr, "hearth: %s\n", loaded.error().message().c_str());
    return 1;
  }
  gate_.spawn(watch_readable(signal_watch_, [this] { return on_stop_signal(); }));
  gate_.spawn(watch_readable(control_watch_, [this] { return on_control_message(); }));
  loop_.spawn(start(tier));
  loop_.run();
  return status_;
}

bool Parts::on_stop_signal() {
  if (!stopping_) loop_.spawn(stop());
  return false;
}

bool Parts::on_control_message() {
  std::vector<UniqueFd> sockets = receive_sockets(sockets_.control.get());
  if (sockets.empty()) return on_stop_signal();  // the supervisor is gone
  log_.warn("the launcher was replaced; all environments were lost");
  launcher_.reconnect(std::move(sockets.front()));
  return true;
}

net::Task<> Parts::stop() {
  stopping_ = true;
  log_.info("stopping");
  const std::chrono::seconds limit(config_.stop_timeout_s);
  StopDeadline& deadline = foundation_->deadline;
  deadline.begin(limit);
  deadline.waiting_for("requests under way");
  expiry_->cancel();
  lambda_.close();
  co_await http_.stop(clock_.steady_now() + limit * 2 / 3);  // the rest of the time is for what they leave
  deadline.waiting_for("environments to end");
  co_await data_plane_.stop();  // before lambda_: it waits for events that are running
  deadline.waiting_for("changes of functions and asynchronous events");
  co_await lambda_.stop();
  deadline.waiting_for("the launcher");
  co_await launcher_.stop();
  deadline.waiting_for("the disk, and work of the pool", [&pool = foundation_->pool] {
    return fmt::format("{} running, {} waiting", pool.load().running, pool.load().waiting);
  });
  signal_watch_.cancel();
  control_watch_.cancel();
  gate_.close();
  co_await gate_.drained();
  loop_.stop();
}

net::Task<> Parts::expire_logs() {
  auto expiring = logs_.expire(kExpiryBudget);
  if (const auto expired = co_await std::move(expiring); !expired) {
    log_.warn("expired log events were not removed", {{"error", expired.error().message()}});
  }
  if (!stopping_) expiry_->set(clock_.steady_now() + kExpiryPeriod);
}

std::vector<std::string> Parts::warnings() const {
  std::vector<std::string> all = settings_.warnings;
  const auto tier = launcher_.tier();
  all.insert(all.end(), tier.warnings.begin(), tier.warnings.end());
  return all;
}

gateway::HealthReport Parts::health() const {
  gateway::HealthReport report;
  const auto tier = launcher_.tier();
  report.isolation_tier = tier.name;
  report.isolation_parts = tier.mechanisms;
  for (const environment::RuntimeStatus& runtime : runtimes_.status()) {
    report.runtimes.push_back({runtime.name, runtime.available, runtime.note});
  }
  report.warnings = warnings();
  report.storage_trouble = stored_.store->trouble();
  report.functions = registry_.count();
  report.environments = data_plane_.environments();
  return report;
}

net::Task<> Parts::describe(observe::MetricsText& metrics) {
  const invocation::DataPlane::Numbers numbers = co_await data_plane_.numbers();
  metrics.histogram("hearth_loop_turn_seconds",
                    "Turns of the event loops: a turn is the work between two waits, and nothing else runs meanwhile.",
                    numbers.loops.turns);
  metrics.gauge("hearth_loop_longest_turn_seconds", "The longest turn since the start.",
                std::chrono::duration<double>(numbers.loops.turns.longest()).count());
  metrics.histogram("hearth_commit_seconds", "From the end of a turn with writes to their being synced.",
                    stored_.store->commit_times());
  metrics.counter("hearth_syncs_total", "Synced batches; commits of one moment share one.",
                  stored_.store->sync_count());
  metrics.gauge("hearth_environments", "Execution environments alive.", data_plane_.environments());
  metrics.gauge("hearth_environments_idle", "Of these, those that wait for work.", numbers.environments_idle);
  metrics.counter("hearth_environments_started_total", "Environments started.", numbers.environments_started);
  metrics.counter("hearth_invocations_total", "Invocations that ran, with and without error.",
                  numbers.runs.invocations);
  metrics.counter("hearth_invocation_errors_total", "Invocations that ended in an error of the function.",
                  numbers.runs.errors);
  metrics.counter("hearth_invocation_throttles_total", "Invocations refused because too many ran.", numbers.throttles);
  metrics.counter("hearth_invocations_unavailable_total", "Invocations that the platform could not run.",
                  numbers.runs.unavailable);
  metrics.gauge("hearth_functions", "Functions that exist.", static_cast<double>(registry_.count()));
  metrics.gauge("hearth_connections", "Clients connected to the public door.", http_.connection_count());
}

net::Task<Status> Parts::reset() {
  co_await data_plane_.end_all();
  Status lambda_cleared = co_await lambda_.clear();
  if (!lambda_cleared) co_return lambda_cleared;
  auto clearing_logs = logs_.clear();
  CO_TRY_STATUS(co_await std::move(clearing_logs));
  CO_TRY_STATUS(iam_.clear());
  endpoint_.forget_sessions();
  Status durable = co_await stored_.store->durable(stored_.store->last_ticket());
  co_return durable;
}

}  // namespace

int Server::run(ServerSockets sockets) {
  ::mallopt(M_TRIM_THRESHOLD, kTrimThresholdBytes);
  auto signals = block_stop_signals();
  if (!signals) {
    std::fprintf(stderr, "hearth: %s\n", signals.error().message().c_str());
    return 1;
  }
  auto parts = Parts::build(settings_, folder_, keys_, std::move(sockets), std::move(*signals));
  if (!parts) {
    std::fprintf(stderr, "hearth: %s\n", parts.error().message().c_str());
    return 1;
  }
  return (*parts)->run(tier_);
}

}  // namespace hearth::main
