#include "services/lambda/service.h"

#include <fmt/format.h>

#include <utility>

#include "services/lambda/errors.h"
#include "wire/arn.h"

namespace hearth::services::lambda {
namespace {

constexpr std::chrono::minutes kCollectEvery{5};
constexpr std::chrono::seconds kSettleRetry{1};

std::unexpected<Error> not_found(const FunctionRef& ref) {
  return fail(ErrorKind::kNotFound, fmt::format("Function not found: {}", ref.qualified_arn()));
}

// Everything on disk that a function is run from.
void add_packages(const functions::FunctionVersion& function, std::vector<storage::BlobId>& in_use) {
  in_use.push_back(function.code.blob);
  const std::vector<functions::CodePackage> layers = functions::packages_of(function.layers);
  for (const functions::CodePackage& layer : layers) in_use.push_back(layer.blob);
  if (const auto merged = functions::merged_tree_id(layers)) in_use.push_back(*merged);
}

// Registry and package errors name the function; those of the service have AWS's words already.
std::unexpected<Error> in_aws_words(Error error, const FunctionRef& ref) {
  if (error.is(functions::ErrorKind::kNotFound)) return not_found(ref);
  return fail(std::move(error));
}

}  // namespace

LambdaService::LambdaService(LambdaParts parts)
    : parts_(parts),
      events_(parts.loop, parts.turns, parts.store, parts.registry, parts.invoker, parts.log, parts.events),
      layers_({.loop = parts.loop,
               .pool = parts.pool,
               .store = parts.store,
               .layers = parts.layers,
               .codes = parts.codes,
               .log = parts.log,
               .imports = parts.imported_layers}),
      gate_(parts.loop),
      stopping_(std::make_shared<net::OneShot<bool>>(parts.loop.executor())) {}
LambdaService::~LambdaService() = default;

Status LambdaService::load() { return events_.load(); }

void LambdaService::start() {
  for (const auto& function : parts_.registry.unsettled()) settle_soon(function);
  gate_.spawn(collect_from_time_to_time());
  events_.start();
}

void LambdaService::close() {
  stopping_->set(true);
  gate_.close();
  events_.close();
}

net::Task<> LambdaService::stop() {
  close();
  co_await gate_.drained();
  co_await events_.drained();
}

net::Task<Status> LambdaService::clear() {
  CO_TRY_STATUS(events_.clear());
  CO_TRY_STATUS(parts_.registry.clear());
  CO_TRY_STATUS(parts_.layers.clear());
  co_return co_await parts_.codes.clear();
}

Result<functions::FunctionSnapshot> LambdaService::get(const FunctionRef& ref) const {
  auto function = parts_.registry.find(ref.key, ref.qualifier);
  if (!function) return not_found(ref);
  return function;
}

Result<functions::RuntimeAbi> LambdaService::choose_runtime(const RequestContext& context,
                                                            const std::string& runtime) const {
  auto choice = parts_.runtimes.choose(runtime);
  if (!choice) return fail(ErrorKind::kInvalidParameter, choice.error().message());
  if (!choice->note.empty()) context.warn(choice->note);
  return std::move(choice->abi);
}

Status LambdaService::check_role(const RequestContext& context, const std::string& role) const {
  const RoleAnswer answer = parts_.roles.ask(role, "lambda.amazonaws.com");
  if (answer == RoleAnswer::kNotChecked) return {};
  const auto arn = wire::parse_arn(role);
  if (arn && arn->account != context.account)
    return fail(ErrorKind::kAccessDenied, "Cross-account pass role is not allowed.");
  if (answer == RoleAnswer::kAssumable) return {};
  return fail(ErrorKind::kInvalidParameter, "The role defined for the function cannot be assumed by Lambda.");
}

void LambdaService::warn_of_architecture(const RequestContext& context, const std::string& architecture,
                                         const functions::RuntimeAbi& abi) const {
  if (architecture == "arm64" && abi.machine != "aarch64") {
    context.warn(fmt::format("Architecture arm64 runs on this machine's {}.", abi.machine));
  }
}

net::Task<Result<functions::FunctionSnapshot>> LambdaService::create(const RequestContext& context, FunctionRef ref,
                                                                     NewFunction wanted) {
  const Settings& settings = wanted.settings;
  CO_TRY_STATUS(check_role(context, settings.role.value_or("")));
  co_await parts_.runtimes.refresh(parts_.loop);
  CO_TRY(functions::RuntimeAbi abi, choose_runtime(context, settings.runtime.value_or("")));
  if (parts_.registry.latest(ref.key)) {  // before the package is unpacked; the registry asks again
    co_return fail(functions::ErrorKind::kAlreadyExists, fmt::format("Function already exist: {}", ref.key.name));
  }
  functions::FunctionVersion function;
  function.key = ref.key;
  function.arn = ref.arn();
  function.log_group = "/aws/lambda/" + ref.key.name;
  apply(settings, function);
  warn_of_architecture(context, function.architecture, abi);
  if (settings.layers) {
    std::vector<std::string> arns = *settings.layers;
    CO_TRY(function.layers, co_await layers_.resolve(context, std::move(arns)));
  }
  CO_TRY(function.code, co_await parts_.codes.ingest(std::move(wanted.zip), std::move(abi)));
  CO_TRY_STATUS(layers_.check_size(function.code, function.layers));
  CO_TRY(const functions::Registry::Changed created,
         parts_.registry.create(std::move(function), std::move(wanted.tags), wanted.publish));
  co_return settle_soon(created);
}

net::Task<Result<functions::FunctionSnapshot>> LambdaService::update_code(const RequestContext& context,
                                                                          FunctionRef ref, CodeUpdate update) {
  CO_TRY(const functions::FunctionSnapshot current, get(ref));
  co_await parts_.runtimes.refresh(parts_.loop);
  CO_TRY(functions::RuntimeAbi abi, choose_runtime(context, current->runtime));
  warn_of_architecture(context, update.architecture.value_or(current->architecture), abi);
  CO_TRY(const functions::CodePackage code, co_await parts_.codes.ingest(std::move(update.zip), std::move(abi)));
  CO_TRY(const functions::FunctionSnapshot meanwhile, get(ref));
  CO_TRY_STATUS(layers_.check_size(code, meanwhile->layers));
  const auto change = [&](functions::FunctionVersion& function) {
    function.code = code;
    if (update.architecture) function.architecture = *update.architecture;
  };
  if (update.run == Run::kDry) {
    CO_TRY(const functions::FunctionSnapshot still, get(ref));
    if (update.revision_id && *update.revision_id != still->revision_id) {
      co_return fail(functions::ErrorKind::kRevisionMismatch, std::string(functions::kRevisionMismatchMessage));
    }
    auto shown = std::make_shared<functions::FunctionVersion>(*still);
    change(*shown);
    co_return shown;
  }
  auto updated = parts_.registry.update(ref.key, update.revision_id, change, update.publish);
  if (!updated) co_return in_aws_words(std::move(updated).error(), ref);
  co_return settle_soon(*updated);
}

net::Task<Result<functions::FunctionSnapshot>> LambdaService::update_settings(const RequestContext& context,
                                                                              FunctionRef ref, Settings settings,
                                                                              std::optional<std::string> revision_id) {
  CO_TRY(const functions::FunctionSnapshot current, get(ref));
  if (settings.role) CO_TRY_STATUS(check_role(context, *settings.role));
  if (settings.runtime) {
    co_await parts_.runtimes.refresh(parts_.loop);
    CO_TRY(functions::RuntimeAbi abi, choose_runtime(context, *settings.runtime));
    functions::CodePackage code = current->code;
    CO_TRY_STATUS(co_await parts_.codes.check(std::move(code), std::move(abi)));
  }
  std::optional<std::vector<functions::LayerUse>> layers;
  if (settings.layers) {
    std::vector<std::string> arns = *settings.layers;
    CO_TRY(layers, co_await layers_.resolve(context, std::move(arns)));
    CO_TRY(const functions::FunctionSnapshot meanwhile, get(ref));
    CO_TRY_STATUS(layers_.check_size(meanwhile->code, *layers));
  }
  auto updated = parts_.registry.update(ref.key, revision_id, [&](functions::FunctionVersion& function) {
    apply(settings, function);
    if (layers) function.layers = *layers;
  });
  if (!updated) co_return in_aws_words(std::move(updated).error(), ref);
  co_return settle_soon(*updated);
}

Status LambdaService::remove(const FunctionRef& ref) {
  auto removed =
      ref.qualifier.empty() ? parts_.registry.remove(ref.key) : parts_.registry.remove_version(ref.key, ref.qualifier);
  if (!removed) return in_aws_words(std::move(removed).error(), ref);
  return {};
}

void LambdaService::settle_soon(const functions::FunctionSnapshot& function) { gate_.spawn(settle(function)); }

functions::FunctionSnapshot LambdaService::settle_soon(const functions::Registry::Changed& changed) {
  settle_soon(changed.latest);
  if (!changed.version) return changed.latest;
  settle_soon(changed.version);  // nothing to do if it was there before
  return changed.version;
}

net::Task<> LambdaService::settle(functions::FunctionSnapshot function) {
  functions::CodePackage code = function->code;
  Result<std::string> tree = co_await parts_.codes.tree(std::move(code));
  if (tree) {
    std::vector<functions::CodePackage> layers = functions::packages_of(function->layers);
    tree = co_await parts_.codes.layers(std::move(layers));
  }
  std::optional<std::string> failure;
  std::string failure_code;
  if (!function->lost_environment.empty()) {
    failure = functions::kLostKeyReason;
    failure_code = functions::kLostKeyCode;
  } else if (!tree) {
    parts_.log.error("a function's package or layer cannot be unpacked",
                     {{"function", function->arn}, {"error", tree.error().message()}});
    failure = "The deployment package of the function cannot be unpacked. Update the function's code.";
    failure_code = tree.error().is(functions::ErrorKind::kBadPackage)
                       ? wire::lambda::kLastUpdateStatusReasonCodeInvalidZipFileException
                       : wire::lambda::kLastUpdateStatusReasonCodeInternalError;
  }
  for (;;) {
    const Status settled = parts_.registry.settle(function->key, function->generation, failure, failure_code);
    if (settled) co_return;
    parts_.log.error("a function's state cannot be stored; trying again",
                     {{"function", function->arn}, {"error", settled.error().message()}});
    if (stopping_->is_set()) co_return;  // the next start takes it up
    co_await net::sleep_for(kSettleRetry);
  }
}

net::Task<> LambdaService::collect_from_time_to_time() {
  while (!stopping_->is_set()) {
    std::vector<storage::BlobId> in_use;
    for (const auto& function : parts_.registry.all()) add_packages(*function, in_use);
    for (const auto& layer : parts_.layers.all()) in_use.push_back(layer->package.blob);
    const Status collected = co_await parts_.codes.collect(std::move(in_use));
    if (!collected) parts_.log.warn("unused packages cannot be removed", {{"error", collected.error().message()}});
    const SteadyTime next = parts_.loop.clock().steady_now() + kCollectEvery;
    co_await stopping_->wait_until(next);
  }
}

}  // namespace hearth::services::lambda
